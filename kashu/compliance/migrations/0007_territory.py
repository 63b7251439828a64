"""A licence counts where it is good: what is sold to all of China needs one for all of China (compliance.md §0.4, §2.1).

Whoever sells needs that. For the platform's own telecom permits the territory is shown to whoever reviews them and not
enforced: whether a provincial one covers a site that all of China can open is not settled (grade C).
"""

from django.db import migrations

SQL = """
ALTER TABLE compliance_requirement ADD COLUMN is_national boolean NOT NULL DEFAULT false;
UPDATE compliance_requirement SET is_national = true WHERE who = 'seller' AND licence <> 'business';
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0006_redemptions")]
    operations = [migrations.RunSQL(SQL, "ALTER TABLE compliance_requirement DROP COLUMN is_national")]

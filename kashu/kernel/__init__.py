"""What every module may use: the database, money, ids, time, sealing. No business words here."""

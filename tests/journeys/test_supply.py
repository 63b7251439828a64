"""A supplier's first week, from the invitation to its statement; and a lapse in the middle of a live sale."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta

import httpx
import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import page_of, totp
from tests.journeys.steps import give_password, order, pay, sign_in
from tests.party.world import company_number, person_number

pytestmark = pytest.mark.browser
PDF = b"%PDF-1.4\n% invented\n"
PASSWORD = "correct horse battery"
SLUG, SELLER = "zhiwei-year", "杭州知微文化传媒有限公司"


@pytest.fixture(scope="module")
def seats(chromium, kashu):
    """Desks by role, each signed in once: a code works once in half a minute."""
    with ExitStack() as stack:
        taken = {}

        def seat(role):
            if role not in taken:
                page = stack.enter_context(
                    contextmanager(page_of)(chromium, kashu, {"width": 1440, "height": 900}, is_mobile=False)
                )
                sign_in(page, kashu, role)
                taken[role] = page
            return taken[role]

        yield seat


@pytest.fixture
def other(chromium, kashu):
    """Somebody else's phone."""
    yield from page_of(chromium, kashu, {"width": 390, "height": 844}, is_mobile=True)


@pytest.fixture
def supplier(chromium, kashu):
    yield from page_of(chromium, kashu, {"width": 1440, "height": 900}, is_mobile=False)


def says(page, words):
    expect(page.locator("body")).to_contain_text(words)


def link_to(kashu, email):
    """The link of the invitation, out of the sandbox's box."""
    with httpx.Client(trust_env=False) as http:
        for _ in range(120):
            page = http.get(f"http://127.0.0.1:{kashu.port + 2}/messages").text
            found = re.search(rf"{re.escape(email)}</b>.*?(/join/[^\s<]+)", page, re.DOTALL)
            if found:
                return found[1]
            time.sleep(0.25)
    raise AssertionError("no invitation arrived")


def paper(name="scan.pdf"):
    return {"name": name, "mimeType": "application/pdf", "buffer": PDF + name.encode()}


def come_in(page, kashu, email):
    """Accept the invitation, sign in, bind a second factor."""
    page.goto(link_to(kashu, email))
    page.fill("#name", "江小满")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    give_password(page, email, PASSWORD)
    secret = page.locator("#authenticator_secret").input_value()
    page.fill("#id_code", totp(secret))
    page.click("form[action$='/totp/activate/'] button")
    says(page, "恢复")
    page.click("text=进入工作台")
    expect(page.locator(".page-head .chip")).to_have_text("填写资料")


def test_a_suppliers_first_week(kashu, seats, supplier, phone):
    tag = f"{time.time_ns() % 10**9:09d}"
    name, email = f"青禾课堂{tag}有限公司", f"qinghe{tag}@supplier.example"
    brand, code = f"青禾{tag}", f"QH-{tag}"
    checker = seats("compliance")
    file = invite(checker, name, email)
    come_in(supplier, kashu, email)
    fill_in(supplier)
    owner = seats("owner")
    review(kashu, checker, owner, file)
    sign(supplier)
    put_deposit(kashu, seats("finance"), owner, file)
    product, slug = draft(owner, name, brand, code)
    register_papers(checker, owner, name, brand)
    open_shop(checker, file)
    secrets = bring(supplier, owner, checker, code)
    owner.goto(product)
    owner.click("button:has-text('上架')")
    says(owner, "已上架")

    order(phone, slug, "13800138077")
    pay(phone)
    expect(phone.locator(".chain")).to_contain_text("入库")
    phone.click("text=查看卡密")
    assert phone.locator(".secret.open .mono").inner_text() in secrets
    phone.click("text=查看授权与入库证明")
    says(phone, "记录逐条相连，与写入时一致")
    says(phone, f"{brand} → {name}")

    supplier.goto("/supplier/orders")
    says(supplier, f"{brand}课程兑换码")
    assert "8077" not in supplier.content()
    supplier.goto("/supplier/statement")
    says(supplier, "成交（已扣佣金）")


def invite(desk, name, email):
    """Open an application at the desk; the address of the supplier's file."""
    desk.goto("/desk/suppliers")
    form = desk.locator("form[action='/desk/suppliers/apply']")
    told = {"name": name, "number": company_number(), "address": "杭州市示例路 99 号", "contact": "0571-0000-0099",
            "phone": f"137{time.time_ns() % 10**8:08d}", "email": email}  # fmt: skip
    for field, value in told.items():
        form.locator(f"[name={field}]").fill(value)
    form.locator("button").click()
    says(desk, "邀请已发送")
    return desk.url


def fill_in(page):
    """The wizard, step by step, to its end."""
    page.goto("/supplier/onboarding/people")
    page.click("button:has-text('单独同意')")
    for n, (role, share) in enumerate((("legal_representative", ""), ("beneficial_owner", "60.00")), 1):
        page.select_option("#role", role)
        page.fill("#share", share)
        page.fill("#name", "江小满")
        page.fill("#id_number", person_number())
        page.click("button:has-text('登记人员')")
        expect(page.locator("td:has-text('江小满')")).to_have_count(n)
    page.click("ol.flow >> text=对公账户")
    page.click("button:has-text('单独同意')")
    page.fill("#bank", "示例银行杭州分行")
    page.fill("#number", f"5719{time.time_ns() % 10**11:011d}")
    page.click("button:has-text('保存账户')")
    expect(page.locator("main")).to_contain_text("待打款验证")
    page.click("ol.flow >> text=证照与证件")
    for n, kind in enumerate(("business_licence", "identity"), 1):
        page.select_option("#kind", kind)
        page.set_input_files("#file", paper(f"{kind}.pdf"))
        page.click("button:has-text('提交材料')")
        expect(page.locator("td .chip:text-is('待审核')")).to_have_count(n)
    page.goto("/supplier/")
    page.click("text=提交审核")
    says(page, "已提交审核")


def review(kashu, one, two, file):
    """The papers, and a decision that takes two: the risk is high."""
    one.goto(file)
    form = one.locator("form[action$='/review/risk']")
    form.locator("select").select_option("high")
    form.locator("[name=reason]").fill("新设立的公司")
    form.locator("button").click()
    prove(kashu, one, "compliance")
    says(one, "高风险")
    for left in (1, 0):
        one.click("button[name=accept] >> nth=0")
        expect(one.locator("button[name=accept]")).to_have_count(left)
    until(one, file, 3)
    one.fill("#reason", "资料齐全，核验一致")
    one.fill("#evidence", "公示系统截图")
    one.click("text=申请通过（两人）")
    says(one, "请另一位同事复核")
    two.goto(file)
    two.click("text=复核同意")
    prove(kashu, two, "owner")
    says(two, "已办理")


def prove(kashu, page, role):
    """Who does what weighs proves again who it is, once in a while."""
    if "/reauthenticate/" in page.url:
        if "2fa" in page.url:
            page.click("text=使用您的密码")
        page.fill("#id_password", kashu.login(role)["password"])
        page.click("form:has(#id_password) button")


def until(desk, file, answers):
    """Look at a supplier's file again until so many authorities have said that it matches."""
    for _ in range(90):
        if desk.locator("section:has(h2:text-is('外部核验')) .chip:text-is('一致')").count() >= answers:
            return
        time.sleep(0.5)
        desk.goto(file)
    raise AssertionError(desk.locator("main").inner_text())


def sign(page):
    page.goto("/supplier/onboarding/sign")
    for left in (1, 0):
        page.click("button:has-text('阅读并签署') >> nth=0")
        expect(page.locator("button:has-text('阅读并签署')")).to_have_count(left)
    page.goto("/supplier/onboarding/deposit")
    says(page, "¥10,000.00")


def put_deposit(kashu, one, two, file):
    """Noted by one, confirmed by the other."""
    one.goto(file)
    one.fill("[name=amount]", "10000.00")
    one.fill("[name=reference]", f"BANK{time.time_ns()}")
    one.click("button:has-text('登记到账')")
    prove(kashu, one, "finance")
    says(one, "请另一位同事复核")
    two.goto(file)
    two.click("button:has-text('复核入账')")
    prove(kashu, two, "owner")
    says(two, "¥10,000.00 / ¥10,000.00")


def draft(page, seller, brand, code):
    """A product of the supplier with one SKU; its page at the console, and its slug."""
    page.goto("/console/products/new")
    told = {"title": f"{brand}课程兑换码", "slug": code.lower(), "brand": brand, "headline": "年度会员",
            "steps": "打开 App\n粘贴卡密"}  # fmt: skip
    for field, value in told.items():
        page.fill(f"#{field}", value)
    page.select_option("#category", label="知识付费")
    page.select_option("#seller", label=f"{seller}（第三方）")
    page.click("button:has-text('保存')")
    for field, value in {"code": code, "name": "年卡", "price": "39.90"}.items():
        page.locator("form[action$='/skus']").locator(f"[name={field}]").fill(value)
    page.click("button:has-text('添加规格')")
    says(page, "规格已添加")
    return page.url, code.lower()


def register_papers(one, two, name, brand):
    """The licence that came with the application, and the brand's authorisation: each looked at by who has not brought it."""
    for desk, told in ((one, "已记下一位审核人"), (two, "已核验，即刻生效")):
        desk.goto("/desk/licences")
        desk.click(f"tr:has-text('{name}') a.id")
        desk.fill("[name=reason]", "与登记机关公示一致")
        desk.click("text=核验通过")
        says(desk, told)
    today = date.today()
    one.goto("/desk/authorisations")
    form = one.locator("form[action='/desk/authorisations/new']")
    told = {"grantor": brand, "number": f"SQ-{brand}", "brand": brand, "valid_from": str(today - timedelta(days=30)),
            "valid_to": str(today + timedelta(days=300))}  # fmt: skip
    for field, value in told.items():
        form.locator(f"[name={field}]").fill(value)
    form.locator("[name=grantee]").select_option(label=name)
    form.locator("[name=goods]").select_option("course")
    form.locator("[name=may_resell]").check()
    form.locator("[name=file]").set_input_files(paper(f"{brand}.pdf"))
    form.locator("button").click()
    says(one, "授权已登记")
    two.goto("/desk/authorisations")
    two.click(f"a.id:has-text('{brand}')")
    two.fill("form[action$='/decide'] [name=reason]", "已向品牌方核对原件")
    two.click("text=核验通过")
    expect(two.locator(".page-head .chip")).to_have_text("在效")


def open_shop(desk, file):
    until(desk, file, 4)
    desk.fill("#reason", "合同、保证金、账户齐备")
    desk.fill("#evidence", "银行回单")
    desk.click("text=开通经营")
    expect(desk.locator(".page-head .chip >> nth=0")).to_have_text("正常")


def bring(supplier, one, two, code):
    """Cards from the supplier's file to the shelf: uploaded there, read and documented here, received by a second person."""
    secrets = [f"{code}-{n:03d}-{time.time_ns() % 10**6}" for n in range(5)]
    supplier.goto("/supplier/batches/new")
    supplier.select_option("#sku", code)
    supplier.fill("#cost", "30.00")
    file = {"name": "cards.txt", "mimeType": "text/plain", "buffer": "\n".join(secrets).encode()}
    supplier.set_input_files("#file", file)
    supplier.click("text=上传并核对")
    says(supplier, "读法预览")
    batch = supplier.url.replace("/supplier/", "/console/")
    one.goto(batch)
    one.click("text=确认，开始入库")
    one.fill("form[action$='/papers'] [name=document]", "HT-2026-099", timeout=30_000)
    one.fill("form[action$='/papers'] [name=amount]", "150.00")
    one.click("text=登记凭证")
    two.goto(batch)
    two.click("button:has-text('确认收货')")
    says(two, "收货已由第二人确认")
    one.goto(batch)
    one.click("button:has-text('整批上架')")
    expect(one.locator(".page-head .chip")).to_have_text("在售")
    supplier.reload()
    expect(supplier.locator(".page-head .chip")).to_have_text("在售")
    return secrets


def test_a_lapse_in_the_middle_of_a_live_sale(kashu, seats, phone, other):
    order(phone, SLUG)
    pay(phone)
    order(other, SLUG)  # held, and its cashier is open
    late = other.context.new_page()
    to_sheet(late)
    checker, owner = seats("compliance"), seats("owner")
    revoke(checker)

    late.click("button[name=place]")
    expect(late.locator("[role=alert]:visible")).to_contain_text("经营资质正在核验")
    other.click("button.ok")
    expect(other.locator("h1")).to_have_text("已退款", timeout=20_000)
    phone.click("text=查看卡密")
    expect(phone.locator(".secret.open")).to_be_visible()
    late.goto(f"/s/{SLUG}")
    says(late, "正在核验，暂停销售")
    expect(late.locator("text=立即购买")).to_have_count(0)
    checker.goto("/desk/")
    expect(checker.locator(f"#stopped tr:has-text('{SELLER}')")).to_contain_text("主体资格")
    owner.goto("/console/products")
    owner.click("a.id:has-text('知微课堂会员兑换码')")
    says(owner, "影响上架或销售")

    renew(checker, owner)
    order(late, SLUG)
    pay(late)
    checker.goto("/desk/")
    expect(checker.locator(f"#stopped tr:has-text('{SELLER}')")).to_have_count(0)


def to_sheet(page):
    page.goto(f"/s/{SLUG}")
    page.click("text=立即购买")
    page.check("input[name=consent]")


def revoke(desk):
    """An authority has taken the seller's licence back."""
    desk.goto("/desk/licences")
    desk.click(f"tr:has-text('{SELLER}'):has-text('营业执照') a.id")
    desk.fill("form[action$='/revoke'] [name=reason]", "登记机关公告吊销")
    desk.click("text=登记吊销 >> nth=-1")
    says(desk, "已登记吊销")


def renew(one, two):
    """A new licence, handed in by one and verified by another."""
    one.goto("/desk/licences")
    form = one.locator("form[action='/desk/licences/new']")
    today = date.today()
    form.locator("[name=party]").select_option(label=SELLER)
    form.locator("[name=kind]").select_option("business")
    told = {"number": "91330106MA2ZHIWE08", "subject": SELLER, "valid_from": str(today - timedelta(days=1)),
            "valid_to": str(today + timedelta(days=900))}  # fmt: skip
    for field, value in told.items():
        form.locator(f"[name={field}]").fill(value)
    form.locator("[name=file]").set_input_files(paper("renewed.pdf"))
    form.locator("button").click()
    says(one, "证照已登记")
    two.goto("/desk/licences")
    two.click(f"tr:has-text('{SELLER}') a.id >> nth=0")
    two.fill("[name=reason]", "与登记机关公示一致")
    two.click("text=核验通过")
    says(two, "已核验，即刻生效")

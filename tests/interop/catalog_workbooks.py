"""Catalog templates made by openpyxl and, as .xls, by xlwt are imported, and what hutong exports is read by openpyxl. Usage: FOLDER HUTONG PROFILE"""

import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
import xlwt

kept, hutong, profile = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def run(*arguments, code=0):
    done = subprocess.run([hutong, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != code:
        sys.exit(f"{arguments} ended with {done.returncode}, not {code}: {done.stdout}{done.stderr}")
    return done.stdout


HEADINGS = [
    "信息资源标识", "信息资源名称", "信息资源代码", "提供方代码", "资源类型", "信息资源摘要", "共享类型", "共享条件", "更新周期",
    "信息项名称", "数据类型", "数据长度", "技术名称", "是否必填", "主键", "持证主体", "有效期止",
]
FIELDS = [
    ["证照标识", "证照标识", None, "ZZBS", "是", "是", None, None],
    ["统一社会信用代码", "统一社会信用代码", 18, "CZZTDM", "是", None, "是", None],
    ["名称", "字符型C", 200, "CZZT", "是", None, None, None],
    ["有效期", "日期型D", 10, "ZZYXQJZRQ", None, None, None, "是"],
]
OF_RESOURCE = ["samr.business-licence", "营业执照", "307001001/000001", "11440399X00000019A", "电子证照", None, "有条件共享", "办理事项", "每日"]

book = openpyxl.Workbook()
sheet = book.active
sheet.title = "目录"
sheet["A1"] = "样例市政务信息资源目录"
sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(HEADINGS))
for column, heading in enumerate(HEADINGS, 1):
    sheet.cell(2, column, heading)
for row, field in enumerate(FIELDS, 3):
    for column, value in enumerate([*(OF_RESOURCE if row == 3 else [None] * len(OF_RESOURCE)), *field], 1):
        sheet.cell(row, column, value)
for column in range(1, len(OF_RESOURCE) + 1):
    sheet.merge_cells(start_row=3, end_row=6, start_column=column, end_column=column)

with tempfile.TemporaryDirectory() as folder:
    template, catalog = Path(folder, "template.xlsx"), Path(folder, "catalog.toml")
    book.save(template)
    told = run("catalog", "import", template, "--out", catalog, "--lang", "en")
    assert "written, in order" in told, told
    told = run("catalog", "lint", catalog)
    assert "1 resource with 4 fields" in told, told

    old, older = xlwt.Workbook(), Path(folder, "template.xls")
    old_sheet = old.add_sheet("目录")
    for column, heading in enumerate(HEADINGS):
        old_sheet.write(0, column, heading)
    for column, value in enumerate(OF_RESOURCE):
        old_sheet.write_merge(1, 4, column, column, value)
    for row, field in enumerate(FIELDS, 1):
        for column, value in enumerate(field, len(OF_RESOURCE)):
            old_sheet.write(row, column, value)
    old.save(str(older))
    from_xlsx = catalog.read_text()
    run("catalog", "import", older, "--out", catalog)
    assert catalog.read_text() == from_xlsx

    sheet["K4"] = "统一代码"
    sheet["I3"] = "每分钟"
    book.save(template)
    told = run("catalog", "import", template, "--out", catalog, "--lang", "zh", code=1)
    for place in ["template.xlsx:目录:I3:更新周期: 未知的取值", "template.xlsx:目录:K4:数据类型: 未知的取值"]:
        assert place in told, told

    # Back: the kept demo's catalog as a workbook, with a row for each field.
    fields = sum(line.startswith("[[resource.field]]") for line in (kept / "catalog.toml").read_text().splitlines())
    exported = Path(folder, "exported.xlsx")
    run("catalog", "export", "--xlsx", "--out", exported, "--profile", profile)
    rows = list(openpyxl.load_workbook(exported)["目录"].iter_rows(values_only=True))
    assert len(rows) == fields + 1, (len(rows), fields)
    names = rows[0]
    assert names.index("信息资源名称") < names.index("信息项名称"), names
    run("catalog", "import", exported, "--out", catalog)

print("openpyxl, xlwt: templates with merged cells imported, faults told by cell, an exported catalog read")

"""The commands on the page about tables do what the page promises."""

import json

from tests.pasting import paste, read_blocks


async def test_the_commands_about_tables_work_when_pasted() -> None:
    output = await paste(read_blocks("docs/howto/tables.md"))

    (figures,) = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert (figures["rows"], figures["subjects"], figures["k"]) == (9, 8, 1)
    header, *rows = output[output.index("age,sex,country,collection_date,disease") :].splitlines()
    assert header == "age,sex,country,collection_date,disease"
    assert len(rows) == 9
    assert {row.rpartition(",")[0] for row in rows} == {"30-40,*,Spain,2016", "50-65,*,Fiji,2014"}

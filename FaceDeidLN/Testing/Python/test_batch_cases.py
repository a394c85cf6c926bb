"""Which cases a folder or a CSV gives."""

from __future__ import annotations

import pytest
import SimpleITK as sitk
from FaceDeidLNLib.commands.batches.cases import find_cases, left_out_of
from FaceDeidLNLib.core.errors import InputError


def test_a_folder_gives_its_images_and_its_dicom_folders(tmp_path):
    (tmp_path / "b.nii.gz").write_bytes(b"")
    (tmp_path / "a.nrrd").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    (tmp_path / "series" / "deep").mkdir(parents=True)
    (tmp_path / "series" / "deep" / "1").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "empty").mkdir()
    assert [(case.name, case.output) for case in find_cases(tmp_path, tmp_path / "out")] == [
        ("a", "a.nrrd"),
        ("b", "b.nii.gz"),
        ("series", "series"),
    ]


def test_a_folder_with_an_index_gives_the_folders_beside_it(tmp_path):
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    for patient in ("A", "B"):
        (tmp_path / patient / "S1").mkdir(parents=True)
        (tmp_path / patient / "S1" / "1").write_bytes(bytes(128) + b"DICM")
    assert [case.name for case in find_cases(tmp_path, tmp_path / "out")] == ["A", "B"]


def test_a_csv_gives_nodes_and_output_of_each_case(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("input,nodes,output,node_segments\nct.nrrd,n1.nrrd;n2.nrrd,sub/x.nrrd,Ia;Ib\nct.nrrd,,,\n")
    first, second = find_cases(table, tmp_path / "out")
    assert first.output == "sub/x.nrrd"
    assert first.arguments() == ["--nodes", str(tmp_path / "n1.nrrd"), "--nodes", str(tmp_path / "n2.nrrd"), "--node-segments", "Ia,Ib"]
    assert (second.name, second.output, second.arguments()) == ("ct", "ct.nrrd", [])


def test_what_a_batch_keeps_beside_its_results_is_no_case(tmp_path):
    for name in ("out", "out-superseded", "out-quarantine", "out-of-hours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.dcm").touch()
    assert [case.name for case in find_cases(tmp_path, tmp_path / "out")] == ["out-of-hours"]


def test_a_csv_as_spreadsheets_leave_it_holds_the_cases_that_it_names(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_bytes('\ufeffInput , OUTPUT,,\r\nct.nrrd,x.nrrd,,,\r\n\r\n\u00a0,,\t\r\n" ",\r\n,,,,,\r\n'.encode())
    assert [(case.input, case.output) for case in find_cases(table, tmp_path / "out")] == [(tmp_path / "ct.nrrd", "x.nrrd")]


@pytest.mark.parametrize(("mark", "first"), [(";", ""), ("\t", ""), (";", "sep=;\r\n")])
def test_a_csv_of_a_spreadsheet_that_parts_cells_in_another_way_is_read(mark, first, tmp_path):
    table = tmp_path / "cases.csv"
    lines = (f"{first}input", "nodes", "output"), ("ct.nrrd", '"a.nrrd;b.nrrd"', "x.nrrd"), ("", "", "")
    for encoding in ("utf-8-sig", "utf-16"):  # with the byte order mark that "Unicode text" has
        table.write_text("\r\n".join(mark.join(cells) for cells in lines), encoding=encoding)
        (case,) = find_cases(table, tmp_path / "out")
        assert (case.output, [path.name for _, path in case.files]) == ("x.nrrd", ["a.nrrd", "b.nrrd"])


def test_a_csv_names_files_below_the_home_folder_as_a_shell_does(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "cases.csv").write_text("input,nodes,output\n~/ct.nrrd,~/n.nrrd,x.nrrd\n")
    (case,) = find_cases(tmp_path / "cases.csv", tmp_path / "out")
    assert (case.input, case.files[0][1]) == (tmp_path / "me" / "ct.nrrd", tmp_path / "me" / "n.nrrd")


@pytest.mark.parametrize("blank", ["\u00a0", "\t", '" "', ""])
def test_a_blank_input_is_not_the_folder_of_the_csv(blank, tmp_path):
    table = tmp_path / "lists" / "cases.csv"
    table.parent.mkdir()
    table.write_text(f"input,output\n\n{blank},x.nrrd\n", encoding="utf-8")
    with pytest.raises(InputError, match="names no input in line 3"):
        find_cases(table, tmp_path / "out")


@pytest.mark.parametrize(
    ("encoding", "text", "said"),
    [
        ("utf-16-le", "input\na.nrrd\n", "no CSV file in UTF-8: save it as one"),
        ("latin-1", "input\nü.nrrd\n", "no CSV file in UTF-8: save it as one"),
        ("utf-8", 'input\n"a.nrrd\n', "a quote that has no end"),
    ],
)
def test_a_csv_in_another_encoding_or_with_an_open_quote_is_told_with_what_to_do(encoding, text, said, tmp_path):
    (tmp_path / "cases.csv").write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=said):
        find_cases(tmp_path / "cases.csv", tmp_path / "out")


def test_a_folder_of_files_without_a_preamble_is_a_case(tmp_path):
    (tmp_path / "in" / "old").mkdir(parents=True)
    (tmp_path / "in" / "old" / "1").write_bytes(b"\x08\x00\x16\x00UI\x1a\x001.2.840.10008.5.1.4.1.1.2")
    assert [case.name for case in find_cases(tmp_path / "in", tmp_path / "out")] == ["old"]


def test_the_voxels_of_an_image_beside_its_header_are_not_left_out(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("ct.mhd", "nodes.seg.nhdr"):
        sitk.WriteImage(sitk.Image(3, 3, 3, sitk.sitkInt16), str(tmp_path / "in" / name))
    (tmp_path / "in" / "notes.raw").touch()
    cases = find_cases(tmp_path / "in", tmp_path / "out")
    assert left_out_of(tmp_path / "in", cases, tmp_path / "out") == ["nodes.seg.nhdr", "notes.raw"]


def test_lines_of_a_csv_end_where_lines_end(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_bytes('input,output\na\u2028b.nrrd,x.nrrd\nc\u0085d.nrrd,y.nrrd\n"e\nf.nrrd",z.nrrd\n'.encode())
    assert [case.input.name for case in find_cases(table, tmp_path / "out")] == ["a\u2028b.nrrd", "c\u0085d.nrrd", "e\nf.nrrd"]


def test_lines_of_commas_alone_are_no_cases(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("input,output\nct.nrrd,x.nrrd\n,\n,\n")
    assert [case.output for case in find_cases(table, tmp_path / "out")] == ["x.nrrd"]


def test_blanks_after_the_commas_of_a_csv_mean_nothing(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("input, output\nct.nrrd, x.nrrd\n")
    assert [case.output for case in find_cases(table, tmp_path / "out")] == ["x.nrrd"]


def test_studies_are_folders_with_nothing_that_only_one_ct_has(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").touch()
    assert [(case.name, case.command) for case in find_cases(tmp_path, tmp_path / "out", studies=True)] == [("a", "study")]
    table = tmp_path / "cases.csv"
    (tmp_path / "b.nrrd").touch()
    table.write_text("input,curve\na,\nb.nrrd,c.json\n")
    mixed = find_cases(table, tmp_path / "out", studies=True)
    assert [(case.command, case.shared(["--one", "--quick"])) for case in mixed] == [
        ("study", ["--one", "--quick"]),
        ("deface", ["--quick"]),
    ]
    for text, said in (("input,series\na,1.2\n", "--series is for one CT"), ("input,curve\na,c.json\n", "--curve is for one CT")):
        table.write_text(text)
        with pytest.raises(InputError, match=said):
            find_cases(table, tmp_path / "out", studies=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input,node\nct.nrrd,n.nrrd\n", "does not know the column node"),
        ("input,nodes,nodes\nct.nrrd,n1.nrrd,n2.nrrd\n", "the column nodes twice"),
        ("ct.nrrd,x.nrrd\n", "does not know the column ct.nrrd"),
        ("nodes,output\nn.nrrd,x.nrrd\n", "no column input"),
        (f"input,output\nct.nrrd,sub/{'y' * 300}.nrrd\n", "longer than disks take"),
        ("input;output\nct.nrrd;n.nrrd;x.nrrd\n", "more fields in line 2 than columns"),
        ("nodes,input\nn.nrrd,\n", "names no input in line 2"),
        ("input,output\nct.nrrd,../x.nrrd\n", "does not lie inside"),
        ("input,output\nct.nrrd,/x.nrrd\n", "does not lie inside"),
        ("input,output\nct.nrrd,C:\\x.nrrd\n", "does not lie inside"),
        ("input,output\nct.nrrd,sub\\..\\..\\x.nrrd\n", "does not lie inside"),
        ("input,output\na.nrrd,x.nrrd\nb.nrrd,x.nii.gz\n", r"2 cases would be written to x\.\*"),
        (
            "input,output\na.nrrd,Xä.nrrd\nb.nrrd,xa\u0308.nrrd\n",
            r"2 cases would be written to Xä\.\* on disks that do not tell capitals apart",
        ),
        ('input,output\n"a.nrrd,x.nrrd\nb.nrrd,y.nrrd\n', "unexpected end of data"),
        ("input,,output\na.nrrd,,x.nrrd\n", "a column without a name"),
        ("input\nct.nrrd,too,many\n", "more fields in line 2 than columns"),
        ("input,output\nct.nrrd\0,x.nrrd\n", "no CSV file in UTF-8|line contains NUL"),
        ("input,output\na.nrrd,x.nrrd\nb.nrrd,x/y.nrrd\n", "x/y.nrrd would lie inside x.nrrd"),
        ("input,output\na,x\nb.nrrd,x/y/z.nrrd\n", "would lie inside x"),
        ("input,output\na,results.csv\n", "cannot be called results.csv"),
        ("input,output\na,Report-0-of-4.html\n", "cannot be called"),
        ("input,output\na,review.html\n", "cannot be called review.html"),
        ("input,output\na.nrrd,Review.html.nrrd\n", "cannot be called"),
        ("input,output\na.nrrd,.hidden.nrrd\n", "cannot be called"),
        ("input\n", "holds no case: give it a line for each"),
        ("", "holds no case: give it a line for each"),
    ],
)
def test_a_csv_that_cannot_be_meant_is_refused(text, said, tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=said):
        find_cases(table, tmp_path / "out")

"""What a profile is asked for with: its name, the project's key, pseudonyms; and the mappings that lead back."""

from __future__ import annotations

import csv
import stat

import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.header.keys import project_key, read_pseudonyms
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.policy import policy_named
from FaceDeidLNLib.output.header_mappings import read_mapping, write_mappings


def test_a_key_is_made_once_for_its_owner_only(tmp_path):
    key = project_key(tmp_path / "project.key")
    assert stat.S_IMODE((tmp_path / "project.key").stat().st_mode) == 0o600
    assert project_key(tmp_path / "project.key") == key


def test_a_key_that_others_can_read_is_refused(tmp_path):
    project_key(tmp_path / "k")
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        project_key(tmp_path / "k")


def test_a_key_inside_the_output_is_refused(tmp_path):
    with pytest.raises(InputError, match="given away"):
        project_key(tmp_path / "out" / "k", (tmp_path / "out",))


@pytest.mark.parametrize("text", ["", "full", "basic,more", "keep,modified-dates"])
def test_an_unknown_profile_is_refused(text):
    with pytest.raises(InputError, match="choose keep"):
        options_named(text)


def test_a_profile_without_a_key_is_refused():
    with pytest.raises(InputError, match="--key"):
        policy_named("research", None)


def test_two_patients_with_one_pseudonym_are_refused(tmp_path):
    (tmp_path / "ids.csv").write_text("patient_id,pseudonym\na,1\nb,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="same pseudonym"):
        read_pseudonyms(tmp_path / "ids.csv")


def test_mappings_stand_beside_the_key_and_grow(tmp_path):
    write_mappings(tmp_path / "k", {"1.2": "2.25.1"}, {"P1": "FD-A"})
    write_mappings(tmp_path / "k", {"1.3": "2.25.2"}, {"P1": "FD-A"})
    assert read_mapping(tmp_path / "uid_mapping.csv") == {"1.2": "2.25.1", "1.3": "2.25.2"}
    with (tmp_path / "patid_mapping.csv").open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["id_old", "id_new"]

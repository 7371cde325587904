"""The tables say of every key what becomes of it, and their flags are OpenRLHF's."""

from typing import NamedTuple

import pytest

from twogrpo.config import DpoConfig, OnlineConfig, key_reference
from twogrpo.openrlhf import dpo_flags, flags, online_keys
from twogrpo.openrlhf.extra import known_flags


class Table(NamedTuple):
    model: type
    keys: dict
    always: dict
    command: str


ONLINE = Table(OnlineConfig, online_keys.KEYS, online_keys.ALWAYS, flags.COMMAND)
DPO = Table(DpoConfig, dpo_flags.KEYS, dpo_flags.ALWAYS, dpo_flags.COMMAND)
each_table = pytest.mark.parametrize("table", [ONLINE, DPO], ids=["online", "dpo"])


def given_flags(table):
    return [flag for key in table.keys.values() for flag in key.flags] + list(table.always)


@each_table
def test_every_key_has_its_place(table):
    assert {key.key for key in key_reference(table.model)} == set(table.keys)


@each_table
def test_every_key_says_what_becomes_of_it(table):
    assert [name for name, key in table.keys.items() if not (key.flags or key.by or key.only)] == []


@each_table
def test_a_key_that_can_be_refused_says_what_is_carried_and_why(table):
    said = {name: (bool(key.only), bool(key.why)) for name, key in table.keys.items()}
    assert [name for name, (only, why) in said.items() if only != why] == []


@each_table
def test_every_flag_is_known(table):
    assert set(given_flags(table)) <= set(known_flags(table.command))


@each_table
def test_no_flag_has_two_owners(table):
    given = given_flags(table)
    assert len(given) == len(set(given))


@pytest.mark.parametrize(
    ("barred", "command"), [(online_keys.BARRED, flags.COMMAND), (dpo_flags.BARRED, dpo_flags.COMMAND)]
)
def test_what_is_barred_is_there(barred, command):
    assert [part for part in barred if not any(flag.startswith(part) for flag in known_flags(command))] == []

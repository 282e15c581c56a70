"""What licences allow and ask for, against their texts; and which a policy refuses."""

from __future__ import annotations

import pytest

from sources.catalogue import catalogue
from sources.licences import UNSTATED, matches, refusal, terms


@pytest.mark.parametrize(
    ("stated", "spdx", "commercial", "derivatives", "attribution", "share_alike"),
    [
        ("CC0-1.0", "CC0-1.0", True, True, False, False),
        ("cc-by-4.0", "CC-BY-4.0", True, True, True, False),
        ("CC-BY-SA-3.0", "CC-BY-SA-3.0", True, True, True, True),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0", False, True, True, False),
        ("CC-BY-NC-ND-4.0", "CC-BY-NC-ND-4.0", False, False, True, False),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0", False, True, True, True),
        ("Apache-2.0", "Apache-2.0", True, True, True, False),
        ("GPL-3.0", "GPL-3.0-only", True, True, True, True),
        ("ODC-By-1.0", "ODC-By-1.0", True, True, True, False),
        # Both bind; of a choice the freer part may be taken, whole.
        ("MIT AND CC-BY-NC-SA-4.0", "MIT AND CC-BY-NC-SA-4.0", False, True, True, True),
        ("CC-BY-NC-4.0 OR GPL-3.0-only", "CC-BY-NC-4.0 OR GPL-3.0-only", True, True, True, True),
        ("CC0-1.0 OR CC-BY-NC-4.0", "CC0-1.0 OR CC-BY-NC-4.0", True, True, False, False),
        (
            *("GPL-2.0-only WITH Classpath-exception-2.0",) * 2,
            *(True, True, True, True),
        ),
        ("LicenseRef-house-rules", "LicenseRef-house-rules", None, None, None, None),
        ("research only", None, None, None, None, None),
        ("MIT,", None, None, None, None, None),
    ],
)
def test_terms(stated, spdx, commercial, derivatives, attribution, share_alike):
    found = terms(stated)
    assert found.spdx == spdx
    assert found.licence == (spdx or stated)
    assert (found.commercial, found.derivatives) == (commercial, derivatives)
    assert (found.attribution, found.share_alike) == (attribution, share_alike)


@pytest.mark.parametrize("stated", [None, "", "not stated", "NOASSERTION", "Unstated"])
def test_saying_nothing_is_unstated(stated):
    assert terms(stated).licence == UNSTATED and terms(stated).commercial is None


def test_what_else_is_known_of_commercial_use_counts():
    assert terms("research only", non_commercial=True).commercial is False
    assert terms("own words", non_commercial=False).commercial is True
    assert terms("Apache-2.0", None, known=True).commercial is None
    # No flag frees what the licence forbids.
    assert terms("CC-BY-NC-4.0", non_commercial=False).commercial is False


def refused(stated: str | None, **policy) -> str | None:
    options = {"allow": (), "deny": (), "non_commercial": True, "unknown": True, **policy}
    return refusal(terms(stated), **options)


def test_no_policy_refuses_nothing():
    assert refused("CC-BY-NC-4.0") is refused("words") is refused(None) is None


def test_allow_refuses_whatever_fits_none_of_it():
    allow = ("Apache-2.0", "CC-BY-*")
    assert refused("apache-2.0", allow=allow) is None
    assert refused("CC-BY-SA-3.0", allow=allow) is None
    assert refused("GPL-3.0", allow=allow) == "allow Apache-2.0 CC-BY-*"
    assert refused(None, allow=allow) == "allow Apache-2.0 CC-BY-*"
    assert refused(None, allow=(*allow, "unstated")) is None


def test_deny_wins_over_allow():
    assert refused("CC-BY-NC-4.0", allow=("CC-*",), deny=("*-NC-*",)) == "deny *-NC-*"
    assert refused("CC-BY-4.0", allow=("CC-*",), deny=("*-NC-*",)) is None


def test_of_a_choice_one_part_is_enough_of_a_sum_all_must_pass():
    deny = ("*-NC-*",)
    assert refused("CC-BY-NC-4.0 OR MIT", deny=deny) is None
    assert refused("CC-BY-NC-4.0 AND MIT", deny=deny) == "deny *-NC-*"
    assert refused("MIT AND Apache-2.0", allow=("MIT",)) == "allow MIT"
    assert refused("MIT OR Apache-2.0", allow=("MIT",)) is None


def test_terms_may_refuse_too():
    assert refused("CC-BY-NC-4.0", non_commercial=False) == "non_commercial deny"
    assert refused("words", non_commercial=False) is None
    assert refused("words", unknown=False) == "unknown deny"
    assert refused("MIT", non_commercial=False, unknown=False) is None


def test_an_old_identifier_means_its_new_name():
    assert matches("GPL-3.0-only", "GPL-3.0") and matches("GPL-3.0-or-later", "gpl-3.0*")
    assert not matches("LGPL-3.0-only", "GPL-*")


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_every_catalogue_entry_has_an_identifier_or_states_none(name):
    entry = catalogue()[name]
    if entry.licence.startswith(UNSTATED):
        assert entry.terms.licence == UNSTATED
    else:
        assert entry.terms.spdx == entry.terms.licence
    if entry.non_commercial is not None:
        assert entry.terms.commercial is not entry.non_commercial
    else:
        assert entry.terms.commercial is None

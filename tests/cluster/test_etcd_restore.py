from __future__ import annotations

from gitops_agent.cluster.etcd_restore import EtcdRestore


def test_a_list_that_is_older_than_an_event_comes_from_a_restored_etcd() -> None:
    mark = EtcdRestore()
    assert not mark.rewound("500")
    mark.note("1000")

    assert mark.rewound("905")
    assert not mark.rewound("905")
    assert not mark.rewound("906")


def test_versions_that_are_no_numbers_say_nothing() -> None:
    mark = EtcdRestore()
    mark.note("1000")
    mark.note(None)

    assert not mark.rewound("")
    assert not mark.rewound("opaque")

from hypothesis import given
from hypothesis import strategies as st

from osiris_dagster.assets.keys import job_name, op_name

NAMES = st.text("abAB-_. jo", min_size=1, max_size=6) | st.sampled_from(
    ["a", "a_job", "a-job", "a_job_job", "ä", "_job"]
)


@given(NAMES, NAMES)
def test_ops_and_jobs_of_two_pipelines_never_share_a_name(one, other):
    assert op_name(one) != job_name(other)
    assert {op_name(one), job_name(one)}.isdisjoint({op_name(other), job_name(other)}) or op_name(one) == op_name(other)


def test_a_usual_name_stays_readable():
    assert (op_name("shop-daily"), job_name("shop-daily")) == ("shop_daily", "shop_daily_job")

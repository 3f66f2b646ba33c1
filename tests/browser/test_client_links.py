"""The addresses that MLflow's client prints after a run lead to pages."""

import re

RUN = re.compile(r"View run .* at: (\S+/#/experiments/\d+/runs/(\w{32}))")
EXPERIMENT = re.compile(r"View experiment at: (\S+/#/experiments/(\d+))")
FOLLOW_MS_MAX = 10_000


def test_the_printed_address_of_a_run_leads_to_its_page(printed, context_of, site):
    (address, run), *_ = RUN.findall(printed)
    page = context_of().new_page()
    page.goto(address)
    page.wait_for_url(site.address(f"candidates/{run}"), timeout=FOLLOW_MS_MAX)


def test_the_printed_address_of_an_experiment_leads_to_its_page(printed, context_of, site):
    (address, experiment), *_ = EXPERIMENT.findall(printed)
    page = context_of().new_page()
    page.goto(address)
    page.wait_for_url(site.address(f"experiments/{experiment}"), timeout=FOLLOW_MS_MAX)


def test_without_scripts_the_printed_address_shows_the_way(printed, context_of, site):
    (address, _), *_ = RUN.findall(printed)
    page = context_of(java_script_enabled=False).new_page()
    page.goto(address)
    page.locator("main a.pri").click()
    page.wait_for_url(site.address("experiments"), timeout=FOLLOW_MS_MAX)

"""Everything can be reached with the keyboard alone."""

# Numbers all that can be used, is shown, and should be reachable. Of radio buttons, only one of a group is.
NUMBER = """() => {
  const parts = document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]');
  const usable = Array.from(parts).filter((part) => !part.disabled && part.checkVisibility({ visibilityProperty: true })
    && (part.type !== "radio" || part.checked));
  usable.forEach((part, number) => part.setAttribute("data-reach", number));
  return usable.map((part) => part.outerHTML.slice(0, 120));
}"""
REACHED = "() => document.activeElement?.getAttribute('data-reach')"
# Players have controls of their own between two of ours.
FURTHER_PRESSES_MAX = 40


def unreached(page) -> list[str]:
    """What a walk with the Tab key does not come by on the page that is shown."""
    usable = page.evaluate(NUMBER)
    missing = set(range(len(usable)))
    for _ in range(len(usable) + FURTHER_PRESSES_MAX):
        if not missing:
            break
        page.keyboard.press("Tab")
        number = page.evaluate(REACHED)
        if number is not None:
            missing.discard(int(number))
    return [usable[number] for number in sorted(missing)]


def test_the_tab_key_reaches_every_link_and_control(walked, context_of):
    page = context_of().new_page()
    wrong = []
    for visit in walked.pages_of_kinds():
        if "?" in visit.address:
            continue
        page.goto(visit.address)
        if left := unreached(page):
            wrong.append(f"{visit.address}: {left[:3]}")
    assert not wrong, "\n".join(wrong)


def test_the_first_stop_leads_to_the_main_part(context_of, site):
    page = context_of().new_page()
    page.goto(site.address("experiments"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")

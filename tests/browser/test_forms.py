"""Every kind of form that a page has can be submitted."""

from forms import submit

# What is typed into fields, by their names. Other fields keep what they have, and required ones get some text.
VALUES = {
    "key": "typed",
    "value": "by hand",
    "alias": "typed",
    "model": "typed",
    "version": "7.0.0",
    "description": "Typed *by hand*.",
    "note": "Typed *by hand*.",
    "login": "typed",
    "path": "typed/project",
    "user": "demo",
}


def test_every_kind_of_form_is_accepted(walked, context_of, site, project):
    assert walked.forms, "no page has a form"
    wrong = []
    for number, form in enumerate(sorted(walked.forms.values(), key=lambda form: form.rank())):
        # A name is free once, and a form may end the session.
        values = {**VALUES, "name": f"typed {number}", "token": project.token, "project": project.path}
        reason = submit(context_of().new_page(), site, form, values)
        if reason:
            wrong.append(f"{form.name}: {reason}")
    assert not wrong, "\n".join(wrong)


def test_a_refused_form_keeps_what_was_typed(context_of, site):
    page = context_of().new_page()
    for _ in range(2):
        page.goto(site.address("experiments/new"))
        page.fill("#name", "twice")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert page.input_value("#name") == "twice"
    assert page.get_attribute("#name", "aria-invalid") == "true"
    assert "already exists" in page.inner_text("#mistake")

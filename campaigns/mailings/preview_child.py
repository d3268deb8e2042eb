"""The child of a preview: reads a job from stdin under limits of CPU time and memory, compiles, renders, answers.

Run as `python -m campaigns.mailings.preview_child`. No database, no network, no secrets in its environment.
"""

import json
import resource
import sys
from dataclasses import asdict


def main() -> None:
    from django.conf import settings

    settings.configure(USE_I18N=False, BASE_URL="", SECRET_KEY="unused")  # noqa: S106 signs nothing
    from campaigns.mailings.compiling import compile_writing
    from campaigns.mailings.content import Writing, render
    from campaigns.mailings.layouts import Frame
    from campaigns.mailings.previewing import MEMORY, SECONDS
    from campaigns.mailings.templates import TemplateRefused

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = json.load(sys.stdin)
    try:
        compiled = compile_writing(Writing(**job["writing"]), Frame(**job["frame"]))
        rendered = render(compiled, job["fields"], unsubscribe_url="#", preferences_url="#")
        answer = {
            "rendered": asdict(rendered),
            "fields": compiled.fields,
            "links": [link.url for link in compiled.links],
            "size": len(rendered.html.encode()),
        }
    except TemplateRefused as refused:
        answer = {"problems": [str(problem) for problem in refused.problems]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

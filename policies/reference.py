"""docs/policies.md: every rule of the pack, from the rules themselves."""

from collections.abc import Iterator
from pathlib import Path

from policies.levels import level_of, table
from policies.rule import Area, Rule, every_rule

PAGE = Path(__file__).parents[1] / "docs" / "policies.md"

HEAD = """\
# Policies

<!-- Written by `make reference` from policies/. -->

What Pulumi holds every run to, whoever wrote the program: `make preview` and `make up` do it by themselves,
elsewhere add `--policy-pack policies`. `python -m policies` lists the rules on the terminal.

**Levels.** *mandatory* stops the run, *advisory* is told, *remediate* mends what it finds, *disabled* is
not looked at. `policies/levels.yaml` sets them for each environment, which is the name of the stack; a
stack that is not named there is held to the levels of prod.

**Not checked yet.** What is known after the update alone cannot be judged in a preview. A rule then says
`not checked yet`, with the path, whatever its level, and judges in the run that knows.

**Waivers.** Under `governance.waivers` an environment names a rule, the resource or model that may break
it, who answers for that, why it is safe meanwhile, and the last day. Every run tells what a waiver lets
pass. After its day it stops the run, and so does what it let pass.

```yaml
governance:
  waivers:
    - rule: registry-closed
      scope: registry # a resource's name in Pulumi, or a model's or pool's; * for any characters
      owner: platform
      evidence: Images come from the mirror; this registry is empty. # or a ticket, a review
      expires: "2027-03-31"
```

**What is seen.** Resources as the program registers them, so that manifests of the stack are judged before
there is a cluster; and, in a stack with an environment, its plan. What a Helm chart makes of itself is not
seen: the image its values name, and where the chart comes from, are. A stack that uses single components
says the same under `inference-stack:governance`.

*CIS AKS* is the CIS benchmark for AKS in the numbers of kube-bench's `cfg/aks-1.8.0`; *MCSB* the Microsoft
cloud security benchmark, on which Azure's security baselines stand.
"""

TITLES = {
    Area.FIT: "Fit and truth",
    Area.MONEY: "Money",
    Area.LAW: "Law and the organisation's rules",
    Area.SECURITY: "Security",
}


def written() -> str:
    """The page."""
    rules = every_rule()
    parts = [HEAD]
    for area in Area:
        parts.append(f"## {TITLES[area]}\n")
        parts += ["\n".join(_entry(rule)) + "\n" for rule in rules if rule.area is area]
    return "\n".join(parts)


def _entry(rule: Rule) -> Iterator[str]:
    yield f"### {rule.name}\n"
    yield f"{rule.demand} {rule.why}\n"
    yield f"- do: {rule.remedy}"
    levels = (f"{environment} {level_of(rule, environment)}" for environment in table())
    yield f"- level: {', '.join(levels)}" + ("" if rule.waivable else "; cannot be waived")
    if rule.references:
        yield f"- answers to: {', '.join(rule.references)}"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(written())


if __name__ == "__main__":
    main()

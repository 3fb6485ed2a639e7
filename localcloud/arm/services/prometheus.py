"""Collection of metrics and rule groups of managed Prometheus: what is refused."""

import re

from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put, group_name
from localcloud.arm.wire import Properties

RULE = "azure-native:monitor:DataCollectionRule"
ASSOCIATION = "azure-native:monitor:DataCollectionRuleAssociation"
RULE_GROUP = "azure-native:alertsmanagement:PrometheusRuleGroup"

MAX_RULES = 20
MINUTES = range(1, 16)
SEVERITIES = range(5)
_ABOUT = "/providers/microsoft.insights/"


def refuse_rule(_: Put, shown: Properties) -> None:
    """Refuse a flow to a destination, or of a stream, that the rule does not have."""
    destinations = {each.get("name") for kind in shown.get("destinations", {}).values() for each in kind}
    sources = [each for kind in shown.get("dataSources", {}).values() for each in kind]
    streams = {stream for source in sources for stream in source.get("streams", ())}
    for flow in shown.get("dataFlows", ()):
        for name in flow.get("destinations", ()):
            if name not in destinations:
                raise refusal("DataFlowDestinationUnknown", name=name)
        for stream in flow.get("streams", ()):
            if sources and stream not in streams:
                raise refusal("DataFlowStreamUnknown", stream=stream)


def refuse_association(put: Put, _: Properties) -> None:
    """Refuse an association of what is not there."""
    about = put.id[: put.id.lower().rindex(_ABOUT)]
    if put.store.get(about) is None:
        name = about.rpartition("/")[2]
        raise refusal("ResourceNotFound", type=about.split("/")[-2], name=name, group=group_name(about))


def refuse_group(_: Put, shown: Properties) -> None:
    """Refuse rules that managed Prometheus does not take."""
    if len(shown.get("scopes", ())) != 1:
        raise refusal("RuleGroupScopes", count=len(shown.get("scopes", ())))
    rules = shown.get("rules", ())
    if len(rules) > MAX_RULES:
        raise refusal("TooManyPrometheusRules", count=len(rules), most=MAX_RULES)
    interval = str(shown.get("interval", "PT1M"))
    minutes = re.fullmatch(r"PT(\d+)M", interval)
    if minutes is None or int(minutes[1]) not in MINUTES:
        raise refusal("RuleGroupInterval", interval=interval)
    for number, rule in enumerate(rules):
        if ("alert" in rule) == ("record" in rule):
            raise refusal("RuleAlertOrRecord", number=number)
        if rule.get("severity", 3) not in SEVERITIES:
            raise refusal("RuleSeverity", number=number, severity=rule["severity"])

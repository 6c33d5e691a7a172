"""The judge of MNIST-4-10."""

from typing import ClassVar

from gnm_data.judges.digit_judge import DigitJudge, Rule, RuleVerdict
from gnm_data.judges.mnist4 import Mnist4Rule
from gnm_data.judges.mnist10 import Mnist10Rule
from gnm_data.judges.reading import Candidates


class Mnist410Rule(Rule):
    """A scene of MNIST-4 or one of MNIST-10. The reason is that of the rule that comes nearer."""

    name: ClassVar[str] = "mnist-4-10"

    def verdict(self, candidates: Candidates, unit: float) -> RuleVerdict:
        """Ask both; the one that accepts, or has the better margin, decides."""
        both = {rule.name: rule.verdict(candidates, unit) for rule in (Mnist4Rule(), Mnist10Rule())}
        name, nearer = max(both.items(), key=lambda item: (not item[1].reason, item[1].margin))
        if not nearer.reason:
            return nearer
        return RuleVerdict(f"as {name}: {nearer.reason}", nearer.margin, nearer.labels)


class Mnist410Judge(DigitJudge):
    """Judges by `Mnist410Rule`."""

    rule: ClassVar[Rule] = Mnist410Rule()

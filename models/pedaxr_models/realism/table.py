"""A comparison as a table in Markdown."""

from pedaxr_models.realism.compare import Realism, Told


def realism_table(found: Realism) -> str:
    """AUCs of the classifiers, then every statistic, the plainest tell first."""
    lines = [
        f"{found.real_films} real and {found.made_films} synthetic films; AUC .5 is chance, 1 perfect.",
        "",
        "| measured by | AUC (95 %) | median of real films | of synthetic films |",
        "|---|---|---|---|",
        f"| whole film, ImageNet features | {_told(found.whole)} | | |",
        f"| patches of tissue, ImageNet features | {_told(found.patches)} | | |",
    ]
    lines += [f"| {t.name} | {_told(t.told)} | {t.real:.3f} | {t.made:.3f} |" for t in found.tells]
    return "\n".join(lines) + "\n"


def _told(told: Told) -> str:
    return f"{told.auc:.2f} ({told.low:.2f} to {told.high:.2f})"

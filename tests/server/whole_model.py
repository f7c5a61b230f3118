"""What the model of a whole server knows of each child: whose it is, its films, what was signed."""

from dataclasses import dataclass, field


@dataclass
class Film:
    """A film as the model has it; `signed` is nobody, or who signed last."""

    study_id: str
    indication: str
    drafted: bool = False
    signed: list[str] = field(default_factory=list)
    newest_report: str = ""


@dataclass
class Child:
    """A child as the model has it."""

    patient_id: str
    name: str
    department: str | None
    films: list[Film] = field(default_factory=list)

    def marks(self) -> set[str]:
        """Texts that are nobody else's."""
        own = {self.patient_id, self.name}
        return own | {mark for film in self.films for mark in (film.study_id, film.indication)}

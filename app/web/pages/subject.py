"""What a page is about: a digit in a network, examined, and looked at in some way."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from app.engine.protocol import Engine
from app.service.digits import StoredDigit
from app.service.examination import Examination
from app.service.services import Services
from app.web.dependencies import DigitDep, ExaminationDep, NetworkDep, ServicesDep
from app.web.pages.looking import ViewDep
from app.web.pages.view import View


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    Attributes:
        services: the rest of what there is.
        engine: the network.
        stored: the digit.
        examination: what the network computes for it.
        view: how it is looked at, and every link.
    """

    services: Services
    engine: Engine
    stored: StoredDigit
    examination: Examination
    view: View


def get_subject(
    services: ServicesDep,
    engine: NetworkDep,
    stored: DigitDep,
    examination: ExaminationDep,
    parameters: ViewDep,
) -> Subject:
    """What the path and the query name."""
    view = parameters.view(examination.manifest, examination.digit.id, examination.off)
    return Subject(services, engine, stored, examination, view)


SubjectDep = Annotated[Subject, Depends(get_subject)]

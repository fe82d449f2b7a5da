"""What a page is about: a digit in a network, examined, and looked at in some way."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from skiplens.engine.base import Engine
from skiplens.service.digit_store import StoredDigit
from skiplens.service.forward import Examination
from skiplens.service.services import Services
from skiplens.web.links import View
from skiplens.web.parameters import DigitDep, ExaminationDep, NetworkDep, ServicesDep, ViewDep


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

"""Every table of the system, so that the metadata is whole wherever this module is imported."""

from sqlmodel import SQLModel

import api.alarms.models
import api.auth.models
import core.delivery
import core.facts
import core.jobs
import ivr.abuse.models
import ivr.acd.models
import ivr.callbacks.models
import ivr.calls.models
import ivr.dialler.models
import ivr.flow.models
import recording.models
import tickets.models
import tickets.satisfaction.models

OWNERS = (
    api.alarms.models,
    api.auth.models,
    core.delivery,
    core.facts,
    core.jobs,
    ivr.abuse.models,
    ivr.acd.models,
    ivr.callbacks.models,
    ivr.calls.models,
    ivr.dialler.models,
    ivr.flow.models,
    recording.models,
    tickets.models,
    tickets.satisfaction.models,
)
"""Importing these adds their tables to the metadata."""

METADATA = SQLModel.metadata

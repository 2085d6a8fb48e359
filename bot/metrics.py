"""What can be counted of a process. Ids, counts and durations only; never who, never what was said."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.stored = self._counter("events_stored", "Events taken into the inbox.", "source")
        self.handled = self._counter("events_handled", "Events by how they ended.", "outcome")
        self.seconds = Histogram(
            "plecho_event_seconds",
            "From the store of an event to the commit of its unit.",
            registry=self.registry,
            buckets=SECONDS,
        )
        self.effects = self._counter("effects", "Effects by kind and how they ended.", "kind", "outcome")
        self.paused = self._counter("lanes_paused", "Pauses of a lane, by reason.", "reason")
        self.not_erased = self._counter("messages_not_erased", "Messages that Telegram would not delete.")
        self.polls = self._counter("polls", "Long polls by how they ended.", "outcome")
        self.refused_hooks = self._counter("webhook_refused", "Webhook calls refused, by status.", "status")
        self.jobs = self._counter("jobs", "Due rows handled by the clock.", "job", "outcome")

    def text(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"plecho_{name}", text, labels, registry=self.registry)

from tests.simulation.runs import START
from tocsin.simulation.plans import Planner
from tocsin.simulation.queues import MAX_DELIVERIES, Queues
from tocsin.simulation.shop import new_states
from tocsin.simulation.shop_map import SHOP
from tocsin.simulation.state import Trouble
from tocsin.simulation.values import Values
from tocsin.simulation.walking import Message, Span, Walker
from tocsin.simulation.writing import SECOND_NANO, Writer

SECOND = START // SECOND_NANO


class Consumer:
    """The notification service with one worker, and three messages; the one that was sent first arrives last."""

    def __init__(self, poison_causes: int = 0) -> None:
        self.states = new_states(1, 1.0)
        self.state = self.states["notification"]
        self.state.workers.base_places = 1
        self.queues = Queues(self.states)
        self.writer = Writer()
        self.walker = Walker(len(self.states), self.writer, self.queues.publish)
        self.spans: list[Span] = []
        self.walker.observer = self.spans.append
        plan = Planner(SHOP, self.states).plans["notification", "order_mail"]
        for name, after in (("third", 300), ("first", 100), ("second", 200)):
            values = Values(self.walker.draw)
            values["trace"] = name
            message = Message(plan, START + after * 1_000_000, "p", values, seed=after)
            message.poison_causes = poison_causes if name == "first" else 0
            self.queues.publish(message)

    def work(self, seconds: int) -> list[str]:
        for second in range(SECOND, SECOND + seconds):
            self.queues.consume(second, self.walker)
        return [span.trace for span in self.spans]


def test_messages_are_worked_on_as_they_arrive_one_after_the_other() -> None:
    consumer = Consumer()
    assert consumer.work(3) == ["first", "second", "third"]
    ends = [span.end for span in consumer.spans]
    assert all(end <= span.begin for end, span in zip(ends, consumer.spans[1:], strict=False))
    assert consumer.queues.waiting("notification") == 0


def test_message_that_fails_is_delivered_again_before_those_behind_it_and_then_put_aside() -> None:
    consumer = Consumer(poison_causes=0b10)
    assert consumer.work(30) == ["first"] * MAX_DELIVERIES + ["second", "third"]
    assert [span.status for span in consumer.spans] == [500] * MAX_DELIVERIES + [200, 200]
    assert {span.causes for span in consumer.spans[:MAX_DELIVERIES]} == {0b10}
    text = "".join(line for second in range(SECOND, SECOND + 30) for line in consumer.writer.take(second))
    assert text.count("moved to order-events.dlq") == 1


def test_queue_grows_while_its_consumer_is_silent() -> None:
    consumer = Consumer()
    consumer.state.trouble = Trouble(is_silent=True)
    assert consumer.work(3) == []
    assert consumer.queues.waiting("notification") == 3
    assert consumer.queues.waiting("checkout") == 3

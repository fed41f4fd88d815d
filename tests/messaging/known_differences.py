"""Where Google's own emulator (0.8.x, Java) does not do what the service does.

Each key is a test of `test_contract` or `test_schema_contract`; the reason says what it does instead. The
test then is expected to fail there – strictly, so that an entry that is out of
date shows – unless `RUN` is off, because it would hang or take long.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """What Google's emulator does, and whether the test can be run against it."""

    reason: str
    can_run: bool = True


KNOWN_DIFFERENCES: dict[str, Difference] = {
    "test_a_message_given_back_keeps_its_place_in_the_key": Difference(
        "delivers the later message of the key first after both were given back"
    ),
    "test_a_request_has_one_ordering_key": Difference(
        "accepts several ordering keys in a request; the service: FAILED_PRECONDITION"
    ),
    "test_a_filter_lets_only_matching_messages_through": Difference("ignores filters"),
    "test_a_filter_that_does_not_parse_is_refused": Difference("does not parse filters"),
    "test_a_retry_policy_delays_the_redelivery": Difference("ignores retry policies"),
    "test_an_ordered_subscription_dead_letters_too": Difference(
        "dead-letters nothing on ordered subscriptions", can_run=False
    ),
    "test_a_detached_subscription_cannot_be_pulled": Difference("DetachSubscription is UNIMPLEMENTED"),
    "test_a_request_over_ten_megabytes_is_refused": Difference(
        "the call hangs until its deadline, and its client retries for ten minutes", can_run=False
    ),
    "test_attributes_over_their_limits_are_refused": Difference("accepts any attributes"),
    "test_a_revision_that_cannot_read_the_one_before_is_refused": Difference("commits any revision that parses"),
    "test_a_deadline_under_ten_seconds_is_refused": Difference("accepts shorter ack deadlines"),
}

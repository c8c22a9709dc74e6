from tocsin.kit.errors import InvalidRequest, MalformedBody, NotFound, UnsupportedMediaType
from tocsin.kit.problem_responses import Problem, problem_responses


def test_errors_share_a_response_when_they_share_a_status() -> None:
    responses = problem_responses(NotFound, InvalidRequest, UnsupportedMediaType, MalformedBody)
    assert {status: response.description for status, response in responses.items()} == {
        400: "Invalid request (`invalid-request`); Malformed body (`malformed-body`)",
        404: "Not found (`not-found`)",
        415: "Unsupported media type (`unsupported-media-type`)",
    }


def test_responses_are_problems() -> None:
    response = problem_responses(NotFound)[404]
    assert (response.data_container, response.media_type) == (Problem, "application/problem+json")

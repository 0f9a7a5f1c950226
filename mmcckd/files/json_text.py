import json
import re
from typing import Any

MAX_DEPTH = 100
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse_json(text: str) -> Any:
    """Parse JSON that may be damaged.

    Importing MMRazor raises Python's recursion limit to 2**20, so that
    ``json.loads`` crashes if a text is nested deeply, instead of raising an
    error. This function refuses such a text.

    Args:
        text (str): The text.

    Raises:
        ValueError: If it is not JSON, or lists and dicts are nested more than
            100 deep.
    """
    depth = 0
    for bracket in re.findall(r'[][{}]', STRINGS.sub('', text)):
        depth += 1 if bracket in '[{' else -1
        if depth > MAX_DEPTH:
            raise ValueError(f'it is nested more than {MAX_DEPTH} deep')
    return json.loads(text)

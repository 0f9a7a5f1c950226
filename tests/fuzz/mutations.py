"""Damaged files: bytes, archives and JSON values with a few changes."""
import io
import zipfile

from hypothesis import strategies as st

# What tends to break readers: extreme lengths, deep nesting, other text.
TOKENS = [
    b'\0' * 8, b'\xff' * 8, b'\xff\xff\xff\x7f', b'\x7f\xff\xff\xff',
    b'\0\0\0\x10', b'[' * 100_000, b'{"a":' * 100_000,
    b'(' * 100_000, b'- ' * 10_000, b'9' * 30,
    b'9' * 5000, b'-', b'-1', b'1e400', b'NaN', b'null', b'"', b'\\', b'\n',
    b'\r', b'\r\n', b' ', b'\t', b'\xef\xbb\xbf', b'\xc3', b'\xd9\xa3',
    b'\xe2\x80\xa8', b'../', b'/', b':', b'<', b'&a', b'*a', b'0', b'1', b'{}'
]
NUMBERS = [0, 1, -1, 2, 7, 255, 2**31, 2**63, 10**30, .5, 1e300,
           float('nan'), float('inf')]
VALUES = [None, True, False, '', 'a', '0', 'ü', '..', [], [0], ['a'], [[]],
          {}, {'a': 0}, *NUMBERS]


@st.composite
def damaged(draw, content, tokens=TOKENS):
    """The bytes of a file with one to three changes, at random positions."""
    for _ in range(draw(st.integers(1, 3))):
        size = len(content)
        begin = draw(st.integers(0, size))
        change = draw(
            st.sampled_from(
                ['flip', 'cut', 'token', 'bytes', 'delete', 'repeat']))
        if change == 'flip' and begin < size:
            byte = content[begin] ^ draw(st.integers(1, 255))
            content = content[:begin] + bytes([byte]) + content[begin + 1:]
        elif change == 'cut':
            content = content[:begin]
        elif change in ('token', 'bytes'):
            new = draw(
                st.sampled_from(tokens) if change ==
                'token' else st.binary(min_size=1, max_size=8))
            end = begin + draw(st.sampled_from([0, len(new)]))
            content = content[:begin] + new + content[end:]
        else:
            end = min(size, begin + draw(st.integers(1, 100)))
            times = 0 if change == 'delete' else 2
            content = (content[:begin] + content[begin:end] * times +
                       content[end:])
    return content


@st.composite
def damaged_member(draw, archive, tokens=TOKENS):
    """A zip archive with damage in a member, whose checksum fits."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    name = draw(st.sampled_from(sorted(members)))
    members[name] = draw(damaged(members[name], tokens))
    return pack(members)


def pack(members):
    """A zip archive of bytes by name, not compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as new:
        for name, content in members.items():
            new.writestr(name, content)
    return file.getvalue()


@st.composite
def changed(draw, value, values=VALUES):
    """A value of JSON types with one to three changes of its parts."""
    for _ in range(draw(st.integers(1, 3))):
        paths = list(_paths(value))
        path = draw(st.sampled_from(paths))
        new = draw(st.sampled_from(values))
        if draw(st.booleans()):  # another part of it
            new = _get(value, draw(st.sampled_from(paths)))
        value = _changed(value, path, new, draw(st.integers(0, 3)))
    return value


def _paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from _paths(value[key], (*path, key))
    elif isinstance(value, list):
        for i in range(len(value)):
            yield from _paths(value[i], (*path, i))


def _get(value, path):
    for key in path:
        value = value[key]
    return value


def _changed(value, path, new, way):
    """A copy in which a part is replaced, removed, renamed or added to."""
    if not path:
        return new
    if len(path) > 1:
        key, *rest = path
        copy = value.copy()
        copy[key] = _changed(value[key], rest, new, way)
        return copy
    key, = path
    copy = value.copy()
    if way == 0:
        del copy[key]
    elif way == 1 and isinstance(copy, list):
        copy.append(new)
    elif way == 1:
        copy[f'{key}x'] = copy.pop(key)
    else:
        copy[key] = new
    return copy

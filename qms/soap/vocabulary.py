"""Words by which other vendors name what our contract names: for the draft of a dialect. Pure."""

import re

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

#: The things of our contract, each with the nouns that stand for it.
FLAG = frozenset(
    {"flag", "tag", "label", "field", "marker", "mark", "attribute", "property", "metadata", "annotation", "custom"}
)
KIND = frozenset({"name", "definition", "kind", "type", "key", "schema"})
RECORDING = frozenset(
    {"recording", "record", "call", "capture", "audio", "track", "tape", "conversation", "interaction"}
)
USER = frozenset({"user", "agent", "operator", "account", "person", "people", "employee", "staff", "member"})
LIVE = frozenset({"live", "current", "active", "progress", "running", "ongoing", "locate", "now"})
INFO = frozenset({"info", "about", "status", "version", "server", "system", "who", "ping", "identity", "service"})
_READ = frozenset({"get", "read", "list", "query", "find", "fetch", "load", "search", "select", "locate", "lookup"})
_WRITE = frozenset({"write", "apply", "set", "put", "update", "save", "assign", "attach", "store", "add"})
_CREATE = frozenset({"create", "add", "define", "new", "insert", "register", "make"})

#: Our operation -> groups of words: a name scores a point for each group that it has a word of.
OPERATION_WORDS: dict[str, tuple[frozenset[str], ...]] = {
    "GetServiceInfo": (INFO,),
    "ListUsers": (_READ, USER),
    "FindLiveRecording": (_READ, LIVE, RECORDING),
    "ListFlagDefinitions": (_READ, FLAG, KIND),
    "CreateFlagDefinition": (_CREATE, FLAG, KIND),
    "WriteFlags": (_WRITE | FLAG, FLAG),
    "GetFlags": (_READ, FLAG),
    "ListRecordings": (_READ, RECORDING),
}
_NOUNS = FLAG | RECORDING | USER | LIVE | INFO

#: Our field -> the names that stand for it, the likelier ones first; compared without case and separators.
FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "recordingService": (
        "recordingservice", "recorder", "recordingserver", "servername", "server", "serveraddress", "node", "host",
        "name",
    ),
    "dataServer": ("dataserver", "datastore", "database", "storage", "store", "archive"),
    "version": ("version", "release", "build"),
    "identifier": ("identifier", "address", "ipaddress"),
    "pageSize": ("pagesize", "limit", "count", "take", "maxresults", "size", "top"),
    "pageToken": ("pagetoken", "cursor", "offset", "skip", "continuation", "start", "page"),
    "nextPageToken": ("nextpagetoken", "nextcursor", "nextoffset", "next", "continuation"),
    "userId": ("userid", "id", "key", "guid", "number"),
    "userName": ("username", "login", "loginname", "account", "user"),
    "firstName": ("firstname", "givenname", "given", "forename"),
    "lastName": ("lastname", "surname", "familyname", "family"),
    "extension": ("extension", "line", "phone", "device", "dn", "station", "ext", "phonenumber"),
    "agentId": ("agentid", "agentcode", "agentnumber", "badge", "agent"),
    "departmentName": ("departmentname", "department", "team", "group", "unit"),
    "active": ("active", "isactive", "enabled", "isenabled", "state"),
    "licence": ("licence", "license", "licencekind", "licensetype", "plan", "licencetype"),
    "notStartedBefore": ("notstartedbefore", "notbefore", "since", "after", "startedafter"),
    "recordingGuid": (
        "recordingguid", "recordingid", "guid", "callid", "captureid", "callguid", "id", "recording", "uuid",
    ),
    "startedAt": ("startedat", "started", "start", "began", "begin", "starttime", "begintime"),
    "endedAt": ("endedat", "ended", "end", "stopped", "stop", "endtime", "finished"),
    "name": ("name", "key", "label", "field", "tag"),
    "value": ("value", "text", "content", "val"),
    "maxLength": ("maxlength", "length", "maxlen", "limit", "size"),
    "description": ("description", "remark", "comment", "note", "text"),
    "from": ("from", "since", "begin", "start", "after", "starttime"),
    "to": ("to", "until", "end", "before", "endtime"),
    "written": ("written", "count", "applied", "result", "return", "saved"),
    "code": ("code", "errorcode", "reason", "faultcode"),
    "subject": ("subject", "about", "field", "argument"),
    "message": ("message", "text", "description"),
}  # fmt: skip

#: Our licence -> the words that stand for it.
LICENCE_WORDS: dict[str, tuple[str, ...]] = {
    "None": ("none", "no", "off", "nolicense", "nolicence", "unlicensed", "notlicensed", "inactive"),
    "Unlimited": ("unlimited", "full", "permanent", "always", "all"),
    "OnDemand": ("ondemand", "percall", "manual", "demand", "selective"),
}


def words(name: str) -> frozenset[str]:
    """Return the words of a name in small letters and the singular: ``GetTagNames`` has get, tag and name."""
    return frozenset(_singular(word.lower()) for word in _WORD.findall(name))


def plain(name: str) -> str:
    """Return a name in small letters, without what separates its words."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def operation_score(ours: str, theirs: str) -> float:
    """Return how well their operation's name fits ours: from 0 to 1; words that mean something else cost."""
    groups, found = OPERATION_WORDS[ours], words(theirs)
    hits = sum(bool(found & group) for group in groups)
    if not any(found & group for group in groups[1:] or groups):
        return 0.0
    wanted = frozenset().union(*groups)
    strange = len((found & (_NOUNS | KIND)) - wanted)
    return max(hits / len(groups) - 0.2 * strange, 0.0)


def field_rank(ours: str, theirs: str) -> int | None:
    """Return how far down the list of likely names theirs stands; None where it is none of them."""
    names = FIELD_NAMES.get(ours, (plain(ours),))
    return names.index(plain(theirs)) if plain(theirs) in names else None


def licence_of(word: str) -> str:
    """Return the licence that a word stands for; "" where that is not clear."""
    return next((ours for ours, known in LICENCE_WORDS.items() if plain(word) in known), "")


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word

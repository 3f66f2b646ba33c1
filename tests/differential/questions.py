"""Random filters and orders in all spellings. Most of them are valid."""

METRICS = ["m", "a b/c", "ü", "nowhere", "M"]
PARAMS = ["p", "q.r", "ü", "nowhere"]
TAGS = ["t", "mlflow.user", "a b", "ü", "mlflow.runName", "nowhere"]
NUMBERS = ["0", "1", "1.0", "-1", ".5", "2", "1e0", "-5.25", "1e308", "1.7976931348623157e308", "-2e308"]
TEXTS = ["", "a", "A", "b", "1", "10", "it's", 'say "hi"', "a%", "a_b", "%", "_", "a\\b", "back`tick", "ü", "x y", "é", "f_o", "foo", "FOO%", " "]
PATTERNS = ["%", "_", "a%", "%a", "%a%", "f_o", "F%", "__", "", "1%", "1_", "%'%", "a\\%", "%%", "_%_", "ü", "100%", "% %", "FO%"]
ORDERED = ["=", "!=", "<", "<=", ">", ">="]
STATUSES = ["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED", "finished", "F%"]
CONTEXTS = ["train", "eval", "nothing"]


def quoted(chance, text: str) -> str:
    """A text as a value, in quotes that do not occur in it."""
    quotes = [quote for quote in "'\"" if quote not in text] or ["'"]
    return (quote := chance.choice(quotes)) + text + quote


def spaced(chance, *parts: str) -> str:
    return chance.choice([" ", " ", "  ", "\t", "\n"]).join(parts)


def cased(chance, word: str) -> str:
    return chance.choice([word, word, word.lower(), word.title()])


def entity(chance, words, key: str) -> str:
    plain = key.replace(".", "").replace("_", "").isalnum() and key.isascii()
    quote = chance.choice(["", '"', "`"] if plain else ['"', "`"])
    return f"{chance.choice(words)}.{quote}{key}{quote}"


def text_comparison(chance, values=TEXTS) -> tuple[str, str]:
    if chance.random() < 0.5:
        return chance.choice(["=", "!="]), quoted(chance, chance.choice(values))
    return chance.choice(["LIKE", "ILIKE"]), quoted(chance, chance.choice(PATTERNS))


def listed(chance, values) -> str:
    some = ", ".join(quoted(chance, value) for value in chance.sample(values, chance.randint(1, min(3, len(values)))))
    return f"({some})"


def of_metric(chance):
    words = ["metrics", "metric"]
    return spaced(chance, entity(chance, words, chance.choice(METRICS)), chance.choice(ORDERED), chance.choice(NUMBERS))


def of_pair(chance):
    kinds = [(["params", "param", "parameters", "parameter"], PARAMS), (["tags", "tag"], TAGS)]
    words, keys = chance.choice(kinds)
    left = entity(chance, words, chance.choice(keys))
    if chance.random() < 0.15:
        return spaced(chance, left, chance.choice(["IS NULL", "IS NOT NULL"]))
    return spaced(chance, left, *text_comparison(chance))


ATTRIBUTE_WORDS = ["attributes.", "attribute.", "attr.", "run.", ""]


def of_attribute(chance):
    word = chance.choice(ATTRIBUTE_WORDS)
    kind = chance.randrange(4)
    if kind == 0:
        time = chance.choice(["start_time", "end_time", "created", "Created"])
        return spaced(chance, word + time, chance.choice(ORDERED), chance.choice(["0", "1000", "5", "20.5", "-1", "1005"]))
    if kind == 1:
        return spaced(chance, word + "status", *text_comparison(chance, STATUSES))
    if kind == 2:
        return spaced(chance, word + chance.choice(["run_name", "user_id"]), *text_comparison(chance, [*TEXTS, "run 1", "ada", "RUN 2"]))
    runs = [f"<<s{number}>>" for number in range(8)]
    if chance.random() < 0.5:
        return spaced(chance, word + "run_id", chance.choice(["IN", "NOT IN"]), listed(chance, runs))
    return spaced(chance, word + "run_id", chance.choice(["=", "!="]), quoted(chance, chance.choice(runs)))


def of_dataset(chance):
    word = chance.choice(["datasets", "dataset"])
    key, values = chance.choice([("name", ["d", "D", "e", "ü"]), ("digest", ["1", "2"]), ("context", CONTEXTS)])
    if chance.random() < 0.3:
        return spaced(chance, f"{word}.{key}", chance.choice(["IN", "NOT IN"]), listed(chance, values))
    return spaced(chance, f"{word}.{key}", *text_comparison(chance, values))


def run_filter(chance) -> str:
    """A filter of runs with up to three comparisons, or none."""
    makers = [of_metric, of_pair, of_pair, of_attribute, of_attribute, of_dataset]
    comparisons = [chance.choice(makers)(chance) for _ in range(chance.choice([0, 1, 1, 1, 2, 2, 3]))]
    return f" {cased(chance, 'AND')} ".join(comparisons)


def run_order(chance) -> list[str]:
    """An order of runs: up to three keys, none twice."""
    terms = {}
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        kind, keys = chance.choice([("metrics", METRICS), ("params", PARAMS), ("tags", TAGS), ("attributes", ["start_time", "end_time", "status", "run_name", "user_id"])])
        terms[kind, chance.choice(keys)] = None
    return [entity(chance, [kind], key) + chance.choice(["", " ASC", " DESC", " asc", " desc"]) for kind, key in terms]


def experiment_filter(chance) -> str:
    """A filter of the experiments whose names begin with `search `."""
    comparisons = ["name LIKE 'search %'"]
    for _ in range(chance.choice([0, 1, 1, 2])):
        if chance.random() < 0.5:
            left = entity(chance, ["tags", "tag"], chance.choice(["t", "a b", "nowhere"]))
            if chance.random() < 0.2:
                comparisons.append(spaced(chance, left, chance.choice(["IS NULL", "IS NOT NULL"])))
                continue
        else:
            left = chance.choice(["name", "attribute.name"])
        operator, value = text_comparison(chance, [*TEXTS, "search a", "search B"])
        comparisons.append(spaced(chance, left, operator, value))
    chance.shuffle(comparisons)
    return f" {cased(chance, 'AND')} ".join(comparisons)


def experiment_order(chance) -> list[str]:
    """An order of experiments."""
    keys = chance.sample(["name", "creation_time", "last_update_time", "experiment_id"], chance.choice([0, 1, 2]))
    return [key + chance.choice(["", " ASC", " DESC"]) for key in keys]

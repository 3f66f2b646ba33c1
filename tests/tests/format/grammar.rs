//! The grammars of `docs/format.md`: reads them, and decodes keys and values with them.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::{Cell, Scalar, escaped, hex};

/// The rules and key families of a document.
pub struct Grammar {
    rules: BTreeMap<String, Vec<Vec<Item>>>,
    pub families: Vec<Family>,
}

/// Keys of one form.
pub struct Family {
    /// The line of the document.
    pub line: String,
    pub rule: String,
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
enum Item {
    /// These ASCII bytes.
    Letters(String),
    /// A field that is always this byte.
    Byte(String, u8),
    Field(Field),
    Rule(String),
    /// A field whose value gives the number of repetitions; without one, as many as match.
    Group(Vec<Item>, Option<String>),
    /// Absent at the end.
    Optional(Vec<Item>),
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    kind: String,
    /// Begins with a byte 0 or 1.
    is_optional: bool,
    count: Option<String>,
}

impl Grammar {
    /// All blocks of a document that are marked as grammars.
    pub fn read(document: &str) -> Self {
        let mut grammar = Grammar {
            rules: BTreeMap::new(),
            families: Vec::new(),
        };
        for block in document.split("\n```grammar\n").skip(1) {
            let block = block.split("\n```").next().unwrap();
            // A line that begins with a space goes on.
            for line in block.replace("\n ", " ").lines() {
                grammar.add(line.split(" -- ").next().unwrap());
            }
        }
        grammar
    }

    fn add(&mut self, line: &str) {
        if let Some((key, rule)) = line.split_once('→') {
            let line = key.split_whitespace().collect::<Vec<_>>().join(" ");
            let (items, rule) = (parse(&line), rule.trim().to_owned());
            self.families.push(Family { line, rule, items });
            return;
        }
        let (name, body) = line.split_once(":=").unwrap_or_else(|| panic!("no rule: {line}"));
        let alternatives = body.split(" | ").map(parse).collect();
        let former = self.rules.insert(name.trim().to_owned(), alternatives);
        assert!(former.is_none(), "two rules are named {name}");
    }

    /// The first letters of the families, and their second ones where they have two.
    pub fn letters(&self) -> BTreeSet<String> {
        let letters = |family: &Family| {
            let letters = family.items.iter().filter_map(|item| match item {
                Item::Letters(letters) => Some(letters.as_str()),
                _ => None,
            });
            letters.collect()
        };
        self.families.iter().map(letters).collect()
    }

    /// The family of a key, and what the key and the value say. A text if there is not exactly one family, or the value does not
    /// follow its rule.
    pub fn decode(&self, key: &[u8], value: &[u8]) -> Result<Decoded<'_>, String> {
        let matching: Vec<_> = self
            .families
            .iter()
            .filter_map(|family| Some((family, self.whole(&family.items, key)?)))
            .collect();
        let [(family, cells)] = &matching[..] else {
            let lines: Vec<&str> = matching.iter().map(|(family, _)| family.line.as_str()).collect();
            return Err(format!("the key {} is of the families {lines:?}", escaped(key)));
        };
        let rule = [Item::Rule(family.rule.clone())];
        let value = self
            .whole(&rule, value)
            .ok_or_else(|| format!("a value of {} is no {}: {}", family.line, family.rule, hex(value)))?;
        let key = cells.clone();
        Ok(Decoded { family, key, value })
    }

    /// The cells of bytes that follow some items to their end.
    fn whole(&self, items: &[Item], bytes: &[u8]) -> Option<Vec<Cell>> {
        let mut decoder = Decoder {
            grammar: self,
            rest: bytes,
            counts: BTreeMap::new(),
            cells: Vec::new(),
        };
        (decoder.items(items) && decoder.rest.is_empty()).then_some(decoder.cells)
    }
}

/// A record in words.
pub struct Decoded<'a> {
    pub family: &'a Family,
    pub key: Vec<Cell>,
    pub value: Vec<Cell>,
}

#[derive(Clone)]
struct Decoder<'a> {
    grammar: &'a Grammar,
    rest: &'a [u8],
    /// The fields that may be counts.
    counts: BTreeMap<String, u64>,
    cells: Vec<Cell>,
}

impl Decoder<'_> {
    fn items(&mut self, items: &[Item]) -> bool {
        items.iter().all(|item| self.item(item))
    }

    /// An optional item.
    fn try_items(&mut self, items: &[Item]) -> bool {
        let before = self.clone();
        let matches = self.items(items);
        if !matches {
            *self = before;
        }
        matches
    }

    fn item(&mut self, item: &Item) -> bool {
        match item {
            Item::Letters(letters) => self.literal(letters.as_bytes(), format!("{letters:?}")),
            Item::Byte(name, byte) => self.literal(&[*byte], name.clone()),
            Item::Field(field) => self.field(field),
            Item::Rule(name) => {
                let rules = &self.grammar.rules;
                let rule = rules.get(name).unwrap_or_else(|| panic!("there is no rule {name}"));
                rule.iter().any(|alternative| self.try_items(alternative))
            }
            Item::Group(items, None) => {
                while !self.rest.is_empty() && self.try_items(items) {}
                true
            }
            Item::Group(items, Some(count)) => (0..self.counts[count]).all(|_| self.items(items)),
            Item::Optional(items) => self.rest.is_empty() || self.items(items),
        }
    }

    fn literal(&mut self, bytes: &[u8], gloss: String) -> bool {
        let Some(rest) = self.rest.strip_prefix(bytes) else {
            return false;
        };
        self.rest = rest;
        self.cells.push(Cell {
            bytes: hex(bytes),
            gloss,
        });
        true
    }

    fn field(&mut self, field: &Field) -> bool {
        if field.is_optional {
            match self.rest.split_first() {
                Some((0, rest)) => {
                    self.rest = rest;
                    let gloss = format!("no {}", field.name);
                    self.cells.push(Cell {
                        bytes: "00".to_owned(),
                        gloss,
                    });
                    return true;
                }
                Some((1, rest)) => self.rest = rest,
                _ => return false,
            }
        }
        let from = self.cells.len();
        let count = field.count.as_ref().map(|count| self.counts[count]);
        let is_read = match count {
            Some(count) if field.kind == "texts" => self.texts(&field.name, count),
            Some(count) => (0..count).all(|_| self.scalar(field)),
            None => self.scalar(field),
        };
        if field.is_optional
            && let Some(cell) = self.cells.get_mut(from)
        {
            cell.bytes.insert_str(0, "01 ");
        }
        is_read
    }

    fn scalar(&mut self, field: &Field) -> bool {
        let Some(Scalar { rest, cell, count }) = Scalar::read(&field.kind, &field.name, self.rest) else {
            return false;
        };
        self.rest = &self.rest[self.rest.len() - rest..];
        self.cells.push(cell);
        self.counts.insert(field.name.clone(), count);
        true
    }

    /// Lengths, then the texts that are here.
    fn texts(&mut self, name: &str, count: u64) -> bool {
        let Some((lengths, mut rest)) = self.rest.split_at_checked(usize::try_from(count).unwrap()) else {
            return false;
        };
        self.cells.push(Cell {
            bytes: hex(lengths),
            gloss: "lengths".to_owned(),
        });
        for length in lengths.iter().filter(|length| **length != 255) {
            let Some((text, more)) = rest.split_at_checked(usize::from(*length)) else {
                return false;
            };
            self.cells.push(Cell {
                bytes: escaped(text),
                gloss: name.to_owned(),
            });
            rest = more;
        }
        self.rest = rest;
        true
    }
}

fn parse(line: &str) -> Vec<Item> {
    let spaced = line.replace("( ", " ( ").replace('[', " [ ").replace(']', " ] ");
    let mut tokens = spaced.split_whitespace();
    let (items, end) = sequence(&mut tokens);
    assert!(end.is_empty(), "{line}: {end} closes nothing");
    items
}

/// Items up to a closing bracket, and that bracket.
fn sequence<'t>(tokens: &mut impl Iterator<Item = &'t str>) -> (Vec<Item>, &'t str) {
    let mut items = Vec::new();
    while let Some(token) = tokens.next() {
        if token == "]" || token.starts_with(')') {
            return (items, token);
        }
        items.push(match token {
            "(" => {
                let (group, end) = sequence(tokens);
                let count = end.strip_prefix(")*").unwrap_or_else(|| panic!("{end} ends no group"));
                Item::Group(group, Some(count.to_owned()).filter(|count| !count.is_empty()))
            }
            "[" => Item::Optional(sequence(tokens).0),
            token => word(token),
        });
    }
    (items, "")
}

fn word(token: &str) -> Item {
    if let Some(letters) = token.strip_prefix('"') {
        return Item::Letters(letters.trim_end_matches('"').to_owned());
    }
    let Some((name, kind)) = token.split_once(':') else {
        return Item::Rule(token.to_owned());
    };
    if let Some(byte) = kind.strip_prefix("0x") {
        return Item::Byte(name.to_owned(), u8::from_str_radix(byte, 16).unwrap());
    }
    let (kind, count) = kind
        .split_once('*')
        .map_or((kind, None), |(kind, count)| (kind, Some(count.to_owned())));
    Item::Field(Field {
        name: name.to_owned(),
        is_optional: kind.starts_with('?'),
        kind: kind.trim_start_matches('?').to_owned(),
        count,
    })
}

//! Names of runs that were created without one: `adjective-noun-number`, as MLflow makes them.

const ADJECTIVES: [&str; 64] = [
    "able", "agile", "amber", "ample", "apt", "brave", "bright", "brisk", "calm", "candid", "clever", "cosmic",
    "crisp", "curious", "daring", "deft", "eager", "early", "fair", "fancy", "fine", "fleet", "fond", "gentle", "glad",
    "golden", "grand", "happy", "hardy", "honest", "humble", "jolly", "keen", "kind", "lively", "loyal", "lucid",
    "lucky", "mellow", "merry", "mighty", "modest", "neat", "nimble", "noble", "patient", "placid", "polite", "proud",
    "quick", "quiet", "rapid", "robust", "serene", "sharp", "sleek", "smart", "spry", "steady", "sunny", "tidy",
    "vivid", "warm", "wise",
];

const NOUNS: [&str; 64] = [
    "ant", "badger", "bat", "bear", "bee", "beetle", "bison", "boar", "carp", "cat", "cod", "colt", "crab", "crane",
    "crow", "deer", "dove", "duck", "eel", "elk", "falcon", "finch", "fox", "frog", "goat", "goose", "grouse", "gull",
    "hare", "hawk", "heron", "horse", "ibis", "jay", "kite", "koala", "lark", "lion", "lynx", "mole", "moose", "moth",
    "mouse", "newt", "otter", "owl", "panda", "perch", "pike", "quail", "ram", "raven", "robin", "seal", "shrew",
    "slug", "snail", "stork", "swan", "toad", "trout", "vole", "wolf", "wren",
];

/// The name for a random number. There are 4 million names.
pub fn nickname(random: u64) -> String {
    let pick = |words: &[&'static str; 64], shift: u32| {
        let index = usize::try_from(random >> shift & 63).unwrap_or(0);
        words.get(index).copied().unwrap_or("run")
    };
    format!("{}-{}-{}", pick(&ADJECTIVES, 0), pick(&NOUNS, 6), (random >> 12) % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nickname_is_adjective_noun_number() {
        assert_eq!(nickname(0), "able-ant-0");
        assert_eq!(nickname(u64::MAX).split('-').count(), 3);
    }
}

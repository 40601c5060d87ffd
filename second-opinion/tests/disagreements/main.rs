//! Where others think otherwise: each document of the corpus, and thousands
//! made of them at random, judged by us, by xmlsec1 and samael, by bergshamra.
//! Every class of disagreement has its line in `table.rs`; one without fails.
//!
//! `VESTIBULE_SECOND_OPINIONS` is how many random documents (default 5,000),
//! `VESTIBULE_SECOND_OPINIONS_SEED` where they begin.
#![allow(dead_code)]

#[path = "../../../tests/support/corpus.rs"]
mod corpus;
#[path = "../../../tests/support/forge.rs"]
mod forge;
mod mutations;
mod table;

use base64::{Engine, engine::general_purpose::STANDARD};
use forge::{ACS, AUDIENCE, ISSUER, accept_field, now, p256, p384, rsa};
use mutations::{Random, mutated};
use second_opinion::{Opinion, Opinions, Verifier};
use std::collections::BTreeMap;
use table::{Disagreement, TABLE};
use vestibule::saml::{IdentityProviders, Limits};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

struct Judge {
    providers: IdentityProviders,
    opinions: Opinions,
    /// The documents of each class of disagreement that nothing explains.
    seen: BTreeMap<String, Vec<(String, String)>>,
    /// How often each line of the table was needed.
    used: Vec<usize>,
    asked: usize,
    agreed: usize,
}

impl Judge {
    fn new() -> Self {
        let certificates =
            [rsa(), p256(), p384()].map(|key| STANDARD.decode(&key.certificate).expect("base64"));
        Self {
            providers: corpus::providers(),
            opinions: Opinions::new(&certificates, ISSUER, ACS, AUDIENCE),
            seen: BTreeMap::new(),
            used: vec![0; TABLE.len()],
            asked: 0,
            agreed: 0,
        }
    }

    fn judge(&mut self, name: &str, xml: &str) {
        let field = STANDARD.encode(xml);
        let ours = accept_field(
            &field,
            &Limits { max_response_chars: usize::MAX, ..Limits::default() },
            &self.providers,
            now(),
        );
        let ours = ours.map(|identity| identity.name_id().to_owned());
        let theirs = Verifier::ALL.map(|verifier| self.opinions.ask(verifier, xml));
        for (verifier, opinion) in Verifier::ALL.into_iter().zip(&theirs) {
            self.asked += 1;
            match (&ours, opinion) {
                (Ok(ours), Opinion::Believes(theirs)) => {
                    // Nothing explains this one.
                    assert_eq!(ours, theirs, "{verifier:?} reads another name: {name}\n{xml}");
                    self.agreed += 1;
                }
                (Err(_), Opinion::Refuses(_)) => self.agreed += 1,
                _ => self.disagree(
                    Disagreement { verifier, ours: &ours, theirs: opinion, all: &theirs, xml },
                    name,
                ),
            }
        }
    }

    fn disagree(&mut self, disagreement: Disagreement<'_>, name: &str) {
        if let Some(line) = TABLE.iter().position(|line| line.explains(&disagreement)) {
            self.used[line] += 1;
            return;
        }
        let Disagreement { verifier, ours, theirs, xml, .. } = disagreement;
        let ours =
            ours.as_ref().map_or_else(|refusal| format!("refuse: {refusal:?}"), |_| "accept".to_owned());
        let class = format!("we {ours}; {verifier:?} {theirs:?}");
        self.seen.entry(class).or_default().push((name.to_owned(), xml.to_owned()));
    }
}

#[test]
fn every_disagreement_is_explained() {
    let mut judge = Judge::new();
    let corpus: Vec<(String, String)> = corpus::all()
        .into_iter()
        .filter_map(|case| {
            let field: String = case.field.split_whitespace().collect();
            Some((case.name, String::from_utf8(STANDARD.decode(field).ok()?).ok()?))
        })
        // Size is a matter of our own caps.
        .filter(|(name, _)| !name.starts_with("size/"))
        .collect();
    for (name, xml) in &corpus {
        judge.judge(name, xml);
    }
    let honest: Vec<&String> =
        corpus.iter().filter(|(name, _)| name.starts_with("honest/")).map(|(_, xml)| xml).collect();
    let count = number("VESTIBULE_SECOND_OPINIONS", 5_000);
    let seed = number("VESTIBULE_SECOND_OPINIONS_SEED", 0x5eed_2026_1123_0546);
    for document in 0..count {
        // Each from a seed of its own, so that one can be made again alone.
        let mut random = Random(seed.wrapping_add(document.wrapping_mul(0x0100_0000_01b3)));
        let other = &corpus[random.below(corpus.len())].1;
        let base = if random.below(4) == 0 { other } else { honest[random.below(honest.len())] };
        // Most changes break; unbroken documents of 100 KB tell no more than small ones.
        if base.len() < 40_000 {
            judge.judge(&format!("random {document}"), &mutated(&mut random, base, other));
        }
    }
    println!("{} documents, {} opinions, {} agree", judge.asked / 3, judge.asked, judge.agreed);
    for (line, used) in TABLE.iter().zip(&judge.used) {
        println!("{used:>6} {}", line.why);
    }
    for (class, examples) in &judge.seen {
        println!("\n== unexplained, {} times: {class}", examples.len());
        examples.iter().take(50).for_each(|(name, _)| println!("{name}"));
        println!("{}", examples[0].1);
    }
    assert!(judge.seen.is_empty(), "{} classes of disagreement are not explained", judge.seen.len());
    let unused: Vec<_> =
        TABLE.iter().zip(&judge.used).filter(|(_, used)| **used == 0).map(|(line, _)| line.why).collect();
    assert!(unused.is_empty() || count < 5_000, "explains nothing: {unused:?}");
}

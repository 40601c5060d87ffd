//! The protocol of one login (`docs/PROTOCOL.md`) as a model: every order of steps, crashes,
//! lost answers and ends of time, within the bounds of a scene. docs/PROTOCOL.md, "The
//! model", says what is in it.
//!
//! `VESTIBULE_MODEL=long cargo test --test model -- --nocapture` is the long form.

mod actions;
mod choice;
mod conformance;
mod dynamodb;
mod login;
mod mistakes;
mod ops;
mod properties;
mod protocol;
mod redeem;
mod scene;
mod state;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod trail;

use mistakes::CAUGHT;
use properties::{TRAIL, held, observed, seen};
use protocol::Protocol;
use scene::Scene;
use state::Answer;
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};
use std::collections::BTreeSet;
use support::trail_rules;

/// As many as the machine has.
fn checker(protocol: Protocol) -> CheckerBuilder<Protocol> {
    protocol.checker().threads(std::thread::available_parallelism().map_or(1, usize::from))
}

/// All states of a scene, each of which keeps all properties; how many they are.
fn all_states_of(name: &str, scene: Scene) -> usize {
    let checker = checker(Protocol { scene, mistake: None, properties: held }).spawn_bfs().join();
    if let Some((property, path)) = checker.discoveries().into_iter().next() {
        let broken = trail_rules::broken(&observed(checker.model(), path.last_state()));
        panic!("{name}: not so: {property}\n{broken:#?}\n{path}");
    }
    println!("{name}: {} states", checker.unique_state_count());
    checker.unique_state_count()
}

#[test]
fn every_state_keeps_every_property() {
    let scenes = [
        ("one login, three faults", Scene::one_login(3)),
        ("one login, a rotation, two faults", Scene::rotation(2)),
        ("a replay, one fault", Scene::replay(1)),
        ("one login on DynamoDB, two faults", Scene::one_login(2).on_dynamodb()),
        ("two tabs, one take", Scene::two_tabs(0).with_one_take()),
        ("two tabs on DynamoDB, one take", Scene::two_tabs(0).on_dynamodb().with_one_take()),
        ("an attacker, one take", Scene::attack().with_one_take()),
        ("two answers to one request", Scene::two_answers()),
        ("a choice, one fault", Scene::one_part(1)),
        ("a choice, a rotation", Scene::part_and_rotation(0)),
        ("a part repeated, one take", Scene::part_repeated(0).with_one_take()),
        ("a part repeated on DynamoDB, one take", Scene::part_repeated(0).on_dynamodb().with_one_take()),
        ("two parts, one take", Scene::two_parts(0).with_one_take()),
        ("a choice replayed", Scene::choice_replayed(0)),
        ("a choice and another tab", Scene::choice_and_another_tab(0)),
        ("a choice and another answer", Scene::choice_and_another_answer()),
        ("a choice attacked, one take", Scene::choice_attacked().with_one_take()),
        ("a choice after a choice, one at a time", Scene::choice_after_a_choice().one_at_a_time()),
    ];
    let states: usize = scenes.into_iter().map(|(name, scene)| all_states_of(name, scene)).sum();
    println!("together {states} states");
    assert!(states > 1_000_000, "{states}");
    if std::env::var("VESTIBULE_MODEL").is_ok_and(|how| how == "long") {
        all_states_of("one login, five faults", Scene::one_login(5));
        all_states_of("two tabs", Scene::two_tabs(0));
        all_states_of("two tabs and a replay", Scene::two_tabs_and_a_replay());
        all_states_of("an attacker", Scene::attack());
        all_states_of("a choice, two faults", Scene::one_part(2));
        all_states_of("a part repeated", Scene::part_repeated(0));
        all_states_of("a part three times", Scene::part_repeated_for_long().with_one_take());
        all_states_of("two parts", Scene::two_parts(0));
        all_states_of("a choice replayed, one fault", Scene::choice_replayed(1));
        all_states_of("a choice after a choice", Scene::choice_after_a_choice());
        let after = Scene::choice_after_a_choice().on_dynamodb();
        all_states_of("a choice after a choice on DynamoDB", after);
        all_states_of("a replay, two faults", Scene::replay(2));
        all_states_of("a replay on DynamoDB, one fault", Scene::replay(1).on_dynamodb());
        all_states_of("two tabs on DynamoDB", Scene::two_tabs(0).on_dynamodb());
        all_states_of("two tabs, one fault", Scene::two_tabs(1));
        all_states_of(
            "two tabs on DynamoDB, one fault, one take",
            Scene::two_tabs(1).on_dynamodb().with_one_take(),
        );
    }
}

/// A model in which nothing happens keeps everything.
#[test]
fn every_end_and_every_answer_is_reached() {
    let mut missing: BTreeSet<_> = seen().iter().map(|property| property.name).collect();
    for scene in [
        Scene::one_login(2),
        Scene::replay(0),
        Scene::two_answers(),
        Scene::two_tabs(0),
        Scene::part_repeated(0),
        Scene::two_parts(0),
        Scene::choice_attacked(),
    ] {
        let wanted = HasDiscoveries::AllOf(missing.clone());
        let protocol = Protocol { scene, mistake: None, properties: seen };
        let checker = checker(protocol).finish_when(wanted).target_state_count(300_000).spawn_bfs().join();
        checker.discoveries().keys().for_each(|name| {
            missing.remove(name);
        });
    }
    assert!(missing.is_empty(), "never {missing:?}");
}

#[test]
fn each_mistake_is_caught() {
    for &(mistake, scene, property, rule) in CAUGHT {
        let protocol = Protocol { scene: scene(), mistake: Some(mistake), properties: held };
        let wanted = HasDiscoveries::AllOf([property].into());
        // One thread: the first path that is found is the same each time.
        let checker = protocol.checker().finish_when(wanted).spawn_bfs().join();
        let Some(path) = checker.discovery(property) else {
            panic!("{mistake:?} is not caught by: {property}");
        };
        let broken = trail_rules::broken(&observed(checker.model(), path.last_state()));
        let rules: Vec<_> = broken.iter().map(|broken| broken.rule).collect();
        assert_eq!(property == TRAIL, rule.is_some());
        assert!(rule.is_none_or(|rule| rules.contains(&rule)), "{mistake:?}: {rules:?}, not {rule:?}");
    }
}

#[test]
fn no_mistake_is_left_out() {
    let caught: BTreeSet<_> = CAUGHT.iter().map(|(mistake, ..)| format!("{mistake:?}")).collect();
    let source = include_str!("mistakes.rs").split("pub enum Mistake {").nth(1).unwrap();
    let all = source.split('}').next().unwrap().lines().map(str::trim);
    let all: BTreeSet<_> =
        all.filter(|line| !line.starts_with("///")).filter_map(|line| line.strip_suffix(',')).collect();
    assert!(all.len() >= 10, "{all:?}");
    assert_eq!(caught, all.into_iter().map(str::to_owned).collect());
}

/// The model answers with codes of the table.
#[test]
fn each_answer_is_in_the_table() {
    let page = include_str!("../../docs/PROTOCOL.md");
    for code in Answer::codes() {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}

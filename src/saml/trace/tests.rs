use super::*;

#[test]
fn without_a_trace_nothing_is_recorded() {
    Tracer::SILENT.step(Step::Decode);
    Tracer::SILENT.theirs("audience", "x");
    assert!(Trace::default().into_steps().is_empty());
}

#[test]
fn each_step_has_its_facts_with_their_texts() {
    let trace = Trace::default();
    let tracer = Tracer::to(Some(&trace));
    tracer.ours("lost", "before the first step");
    tracer.step(Step::Decode);
    tracer.step(Step::Issuer);
    tracer.theirs("issuer", "urn:idp");
    tracer.count("keys", 2);
    tracer.maybe_theirs("issuer", None);
    tracer.ours("provider", "ADFS");
    tracer.step(Step::Status);
    tracer.theirs("code", "é\n");
    let steps = trace.into_steps();
    let issuer = vec![
        ("issuer".into(), Fact::Theirs("urn:idp".to_owned())),
        ("keys".into(), Fact::Count(2)),
        ("issuer".into(), Fact::Absent),
        ("provider".into(), Fact::Ours("ADFS".to_owned())),
    ];
    let status = vec![("code".into(), Fact::Theirs("é\\n".to_owned()))];
    let expected = [
        Traced { step: Step::Decode, facts: vec![] },
        Traced { step: Step::Issuer, facts: issuer },
        Traced { step: Step::Status, facts: status },
    ];
    assert_eq!(steps, expected);
}

#[test]
fn texts_of_a_message_are_one_short_line() {
    assert_eq!(printable("a\nb\u{1b}[31m\u{202e}\\\"'é"), "a\\nb\\u{1b}[31m\\u{202e}\\\"'é");
    let long = printable(&"x".repeat(500));
    assert_eq!(long.chars().count(), MAX_CHARS + 1);
    assert_eq!(printable(&"x".repeat(MAX_CHARS)).len(), MAX_CHARS);
}

#[test]
fn what_a_message_can_leave_is_bounded() {
    let trace = Trace::default();
    let tracer = Tracer::to(Some(&trace));
    for step in [Step::Conditions, Step::Values] {
        tracer.step(step);
        (0..2 * MAX_FACTS).for_each(|n| tracer.count("audiences", n));
    }
    let facts: usize = trace.into_steps().iter().map(|traced| traced.facts.len()).sum();
    assert_eq!(facts, MAX_FACTS);
}

#[test]
fn values_about_persons_are_kept_for_those_who_ask_only() {
    for (trace, kept) in
        [(Trace::default(), vec![]), (Trace::with_values(), vec!["EXAMPLE\\paula".to_owned()])]
    {
        let tracer = Tracer::to(Some(&trace));
        tracer.step(Step::Values);
        tracer.maybe_private("name_id", Some("EXAMPLE\\paula"));
        let expected = [("name_id".into(), Fact::Private { count: 1, least: 13, most: 13, values: kept })];
        assert_eq!(trace.into_steps().first().map(|traced| &*traced.facts), Some(&expected[..]));
    }
}

#[test]
fn distances_in_words() {
    for (seconds, words) in [
        (0, "just now"),
        (-5, "5 s ago"),
        (243, "4 min 3 s ahead"),
        (-7_260, "2 h 1 min ago"),
        (90_000, "1 d 1 h ahead"),
    ] {
        assert_eq!(distance(Duration::seconds(seconds)), words);
    }
}

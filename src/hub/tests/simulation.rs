//! Queries that nobody asks.

use std::net::IpAddr;

use super::world::{Actor, World, holder};
use crate::{
    domain::{agreement::LookupKind, decide::Term, outcome::RefusalReason, statement::Query},
    hub::Error,
    store::memory,
    wire::Simulation,
};

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn simulation(world: &World, change: impl FnOnce(&mut Query)) -> Simulation {
    let (mut query, _) = world.query(LookupKind::Holder, &holder(0));
    change(&mut query);
    let consumer = Some(*world.consumer.system.department());
    Simulation { consumer, query, address: None, time: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_query_comes_out_as_the_real_one_and_names_every_term_that_says_no() {
    let world = World::furnished(memory::store()).await;
    let size = world.hub.snapshot().size;
    let simulate = |simulation| world.hub.simulate(&world.consumer.system, ADDRESS, &simulation).unwrap();
    let permitted = simulate(simulation(&world, |_| {}));
    assert!(permitted.outcome.is_ok(), "{:?}", permitted.outcome);
    assert!(permitted.verdicts.iter().flat_map(|verdict| &verdict.terms).all(|(_, met)| met.is_ok()));

    let refused = simulate(simulation(&world, |query| {
        query.purpose = "marketing".parse().unwrap();
        query.commitments = vec![query.commitments[0]; 60];
    }));
    let [verdict] = &refused.verdicts[..] else { panic!("{:?}", refused.verdicts) };
    assert_eq!(verdict.terms.iter().map(|(term, _)| *term).collect::<Vec<_>>(), Term::ALL, "all, in order");
    let no: Vec<_> = verdict.terms.iter().filter(|(_, met)| met.is_err()).map(|(term, _)| *term).collect();
    assert_eq!(no, [Term::Purpose, Term::BatchLimit]);
    assert_eq!(refused.outcome.unwrap_err().reason, RefusalReason::PurposeNotAgreed, "the first of them decides");
    assert_eq!(world.hub.snapshot().size, size, "nothing is entered");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_the_agreements_may_simulate_and_nobody_else() {
    let world = World::furnished(memory::store()).await;
    let ask = |actor: &Actor| world.hub.simulate(&actor.system, ADDRESS, &simulation(&world, |_| {}));
    for actor in [&world.consumer, &world.provider, &world.administrator] {
        assert!(ask(actor).is_ok());
    }
    let mut foreign = simulation(&world, |_| {});
    foreign.consumer = Some(*world.administrator.system.department());
    let of_another = world.hub.simulate(&world.consumer.system, ADDRESS, &foreign);
    assert!(matches!(of_another, Err(Error::NotAllowed(_))));
}

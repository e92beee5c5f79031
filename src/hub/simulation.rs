//! What would become of a query that nobody asks.

use std::net::IpAddr;

use crate::{
    domain::{
        decide::{Simulated, simulate},
        directory::Capability,
        id::SystemId,
        network::Peer,
        time::Moment,
    },
    wire::Simulation,
};

use super::{Error, Hub};

impl Hub {
    /// Tells what would become of a query, for those who may read the agreements that it would meet: its consumer, the provider of
    /// the resource, administrators and auditors. Nothing is entered. Blocks.
    ///
    /// # Errors
    /// When the peer may not know, or a store fails.
    pub fn simulate(&self, peer: &SystemId, address: IpAddr, simulation: &Simulation) -> Result<Simulated, Error> {
        let snapshot = self.known_peer(peer)?;
        let rules = &snapshot.rules;
        let department = *peer.department();
        let consumer = simulation.consumer.unwrap_or(department);
        let resource = rules.catalog.newest(simulation.query.resource_id.as_str());
        let provides = resource.is_some_and(|(_, resource)| resource.provider == department);
        let is_office = [Capability::Administer, Capability::Audit].iter().any(|one| rules.directory.holds(peer, *one));
        if department != consumer && !provides && !is_office {
            return Err(Error::NotAllowed(Capability::Audit));
        }
        // Agreements are a department's, whichever of its systems asks.
        let trust_domain = rules.trust_domain.clone();
        let actor = SystemId::new(&trust_domain, &consumer, "simulated")
            .map_err(|error| Error::Inconsistent(error.to_string()))?;
        let now = Moment::new(simulation.time.unwrap_or_else(|| self.clock.now()));
        let usage = |agreement: &_, day| self.projections.usage(agreement, day);
        let network = Peer::new(Some(simulation.address.unwrap_or(address)));
        Ok(simulate(rules, &actor, &simulation.query, &network, usage, &now)?)
    }
}

# The decision about a query in the language of Open Policy Agent, over agreements as data: permitted or not, under which agreement,
# and which fields of each record. Handed in as facts are only whether a row condition fits the catalog and whether a record meets it.
package hutong.access

in_force := {"ACTIVE", "SUSPENDED"}

resource := data.resources[input.resource]

catalog_allows if {
	every code in input.fields {
		resource.classes[code] in {"UNCONDITIONAL", "CONDITIONAL"}
	}
	input.asked <= data.max_lookups
}

has_one_in_force(agreement) if {
	some version in agreement.versions
	version.state in in_force
}

governing(agreement) := agreement.versions[count(agreement.versions) - 1] if not has_one_in_force(agreement)

governing(agreement) := agreement.versions[newest - 1] if {
	has_one_in_force(agreement)
	newest := max({version.number | some version in agreement.versions; version.state in in_force})
}

needs_acceptance(version) if {
	some code in version.fields
	resource.classes[code] == "CONDITIONAL"
}

needs_acceptance(version) if {
	some code in version.condition_fields
	resource.classes[code] == "CONDITIONAL"
}

is_accepted(version) if version.accepted

is_accepted(version) if not needs_acceptance(version)

any_or(list, _) if count(list) == 0

any_or(list, name) if name in list

is_within(version) if count(version.networks) == 0

is_within(version) if {
	some prefix in version.networks
	startswith(input.address, prefix)
}

used_in_minute(usage) := usage.minute if usage.minute_began == input.minute

used_in_minute(usage) := 0 if usage.minute_began != input.minute

is_within_minute(version, _) if version.minute_limit == null

is_within_minute(version, usage) if {
	version.minute_limit != null
	used_in_minute(usage) + input.asked <= version.minute_limit
}

permitted_by(agreement) := version if {
	version := governing(agreement)
	version.consumer == input.consumer
	version.resource == input.resource
	version.state == "ACTIVE"
	input.now >= version.valid_from
	input.now < version.valid_until
	is_accepted(version)
	version.condition_fits
	input.lookup in version.lookups
	input.purpose in version.purposes
	any_or(version.matters, input.matter)
	every code in input.fields {
		code in version.fields
	}
	input.asked <= version.batch_limit
	is_within(version)
	is_within_minute(version, agreement.usage)
	agreement.usage.day + input.asked <= version.daily_limit
}

may_be_asked_under(_) if input.agreement == null

may_be_asked_under(id) if input.agreement == id

permitting contains id if {
	catalog_allows
	some id, agreement in data.agreements
	may_be_asked_under(id)
	permitted_by(agreement)
}

# Withheld is what misses the row condition, and what replaces what is withheld: `chain` holds its own position and theirs.
is_withheld(id, record) if {
	some position in record.chain
	not input.found[position].meets[id]
}

has_ended(record) if {
	record.until != null
	input.today > record.until
}

is_held_back(record) if {
	record.from != null
	input.today < record.from
}

is_held_back(record) if {
	input.compromised_since != null
	record.published_at >= input.compromised_since
}

status(record) := record.status if record.status != "ACTIVE"

status(record) := "EXPIRED" if {
	record.status == "ACTIVE"
	has_ended(record)
}

status(record) := "SUSPENDED" if {
	record.status == "ACTIVE"
	not has_ended(record)
	is_held_back(record)
}

status(record) := "ACTIVE" if {
	record.status == "ACTIVE"
	not has_ended(record)
	not is_held_back(record)
}

# Of a record that replaces another only the identifier is told.
has_field(record, code) if {
	not record.is_successor
	code in record.fields
}

has_field(record, code) if {
	record.is_successor
	code == record.record_id
}

released(id, record) := null if is_withheld(id, record)

released(id, record) := {"status": status(record), "fields": []} if {
	not is_withheld(id, record)
	status(record) != "ACTIVE"
}

released(id, record) := {"status": "ACTIVE", "fields": fields} if {
	not is_withheld(id, record)
	status(record) == "ACTIVE"
	fields := [code | some code in input.fields; has_field(record, code)]
}

answer := {"agreement": id, "version": permitted_by(data.agreements[id]).number, "records": records} if {
	id := min(permitting)
	records := [released(id, record) | some record in input.found]
}

package genesis

import "github.com/redstuff-go/redstuff/node/ledger"

// migration is the table of what becomes of who fails to hand shards over, in basis points. Without
// it nobody is fined.
type migration struct {
	Sender   uint16 `toml:"sender,omitempty"`
	Receiver uint16 `toml:"receiver,omitempty"`
	Helpers  uint16 `toml:"helpers,omitempty"` // of the fines
}

// rules returns the rules; those of a nil table are none.
func (m *migration) rules() ledger.MigrationRules {
	if m == nil {
		return ledger.MigrationRules{}
	}
	return ledger.MigrationRules(*m)
}

// migrationOf returns the table of rules, or nil if there are none.
func migrationOf(r ledger.MigrationRules) *migration {
	if r == (ledger.MigrationRules{}) {
		return nil
	}
	m := migration(r)
	return &m
}

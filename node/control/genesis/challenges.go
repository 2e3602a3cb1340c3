package genesis

import "github.com/redstuff-go/redstuff/node/ledger"

// challenges is the table of the rules of challenges. Without it there are none.
type challenges struct {
	Mode        ledger.ChallengeMode `toml:"mode"`                   // light or full
	Missing     uint16               `toml:"missing,omitempty"`      // basis points
	Error       uint16               `toml:"error,omitempty"`        // e of 10^-e
	Time        duration             `toml:"time,omitempty"`         // after which one ends
	Grace       duration             `toml:"grace,omitempty"`        // that the last members have
	Strikes     uint16               `toml:"strikes,omitempty"`      // failed in a row
	Penalty     uint16               `toml:"penalty,omitempty"`      // basis points
	FinesShared uint16               `toml:"fines_shared,omitempty"` // basis points
}

// rules returns the rules; those of a nil table are none.
func (c *challenges) rules() ledger.ChallengeRules {
	if c == nil {
		return ledger.ChallengeRules{}
	}
	return ledger.ChallengeRules{
		Mode: c.Mode, Missing: c.Missing, Error: c.Error, Millis: uint64(c.Time), Grace: uint64(c.Grace), Strikes: c.Strikes,
		Penalty: c.Penalty, FinesShared: c.FinesShared,
	}
}

// tableOf returns the table of rules, or nil if there are no challenges.
func tableOf(r ledger.ChallengeRules) *challenges {
	if r.Mode == ledger.ChallengesOff {
		return nil
	}
	return &challenges{
		Mode: r.Mode, Missing: r.Missing, Error: r.Error, Time: duration(r.Millis), Grace: duration(r.Grace), Strikes: r.Strikes,
		Penalty: r.Penalty, FinesShared: r.FinesShared,
	}
}

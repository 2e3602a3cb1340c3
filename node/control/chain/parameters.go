package chain

import "github.com/redstuff-go/redstuff/node/ledger"

// Parameters are ledger.Parameters by the names that a genesis has for them.
type Parameters struct {
	Missing     uint16 `json:"missing"`      // basis points
	Error       uint16 `json:"error"`        // e of 10^-e
	Strikes     uint16 `json:"strikes"`      // challenges failed in a row
	Penalty     uint16 `json:"penalty"`      // basis points, as all that follow
	FinesShared uint16 `json:"fines_shared"` // the rest is burned
	Sender      uint16 `json:"sender"`
	Receiver    uint16 `json:"receiver"`
	Helpers     uint16 `json:"helpers"` // the rest is burned
}

// parametersOf returns the parameters of a state.
func parametersOf(s *ledger.State) (now, next *Parameters) {
	of, selected := s.Parameters()
	if selected != nil && *selected != (ledger.Parameters{}) {
		next = (*Parameters)(selected)
	}
	if of != (ledger.Parameters{}) {
		now = (*Parameters)(&of)
	}
	return now, next
}

// Ledger returns the parameters as a ledger has them; none if there are none.
func (p *Parameters) Ledger() ledger.Parameters {
	if p == nil {
		return ledger.Parameters{}
	}
	return ledger.Parameters(*p)
}

package chain

import (
	"time"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// Status is a ledger as it is at a height.
type Status struct {
	Chain        Hex    `json:"chain"`
	Name         string `json:"name"`
	Shards       int    `json:"shards"`
	Height       uint64 `json:"height"`
	Root         Hex    `json:"root"`
	TimeMillis   uint64 `json:"time_millis"`
	Epoch        uint32 `json:"epoch"`
	Phase        string `json:"phase"`
	DueMillis    uint64 `json:"due_millis"` // when time has something to do next
	EpochMillis  uint64 `json:"epoch_millis"`
	NextMillis   uint64 `json:"next_epoch_millis"` // when the next epoch begins, at the earliest
	SyncWeight   uint16 `json:"sync_weight"`
	Settled      uint32 `json:"settled"` // the last epoch whose committee has its shards
	Members      int    `json:"members"`
	StoragePrice uint64 `json:"storage_price"` // of a MiB for an epoch
	WritePrice   uint64 `json:"write_price"`   // of a MiB
	Capacity     uint64 `json:"capacity"`      // bytes that can be reserved
	Used         uint64 `json:"used"`          // bytes that are, in this epoch
	FeePerByte   uint64 `json:"fee_per_byte"`
	Burned       uint64 `json:"burned"`

	Challenge *ChallengeStatus `json:"challenge,omitempty"` // the last one, if there was any

	// What members vote for of challenges and fines; nil where nobody is challenged or fined. Those of
	// the next epoch are known when its committee is selected.
	Parameters     *Parameters `json:"parameters,omitempty"`
	NextParameters *Parameters `json:"next_parameters,omitempty"`
}

// StatusOf returns the status of a state.
func StatusOf(s *ledger.State) Status {
	system, genesis, chain, root := s.System(), s.Genesis(), s.ChainID(), s.Root()
	status := Status{
		Chain: chain[:], Name: genesis.Name, Shards: int(genesis.Shards), Height: system.Height, Root: root[:], TimeMillis: system.Time,
		Epoch: system.Epoch, Phase: ledger.Phase(system.Phase).String(), DueMillis: s.Due(), EpochMillis: genesis.EpochMillis,
		NextMillis: system.PhaseStart + min(genesis.EpochMillis, ^system.PhaseStart), SyncWeight: system.SyncWeight, Settled: system.Settled,
		StoragePrice: system.StoragePrice, WritePrice: system.WritePrice, Capacity: system.Capacity, FeePerByte: system.FeePerByte,
		Burned: system.Burned, Challenge: challengeOf(s),
	}
	status.Parameters, status.NextParameters = parametersOf(s)
	if c := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(system.Epoch)); c != nil {
		status.Members = len(c.Members)
	}
	if slot := ledger.Get[ledger.Slot](s, ledger.SlotKey(system.Epoch)); slot != nil {
		status.Used = slot.Used
	}
	return status
}

// Start returns when an epoch to come begins: at the earliest, because changes of the
// committee take time. It is zero for one that has begun, or that lies too far ahead for a
// date.
func (s *Status) Start(epoch uint32) time.Time {
	const latest = 1 << 52 // milliseconds
	if epoch <= s.Epoch || s.NextMillis > latest {
		return time.Time{}
	}
	rest := uint64(epoch - s.Epoch - 1)
	if rest > 0 && s.EpochMillis > latest/rest {
		return time.Time{}
	}
	return time.UnixMilli(int64(s.NextMillis + rest*s.EpochMillis)).UTC()
}

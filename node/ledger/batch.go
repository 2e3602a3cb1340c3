package ledger

import (
	"errors"
	"reflect"

	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// MaxBatch is how many actions a [Batch] has at most.
const MaxBatch = 64

// Batch does several actions of a sender's in their order, each by itself: one that breaks a
// rule changes nothing, which the event [ActionRefused] tells, and the others are done all
// the same. An account has one transaction on its way at a time, and without batches, no more
// than one action in each block. [BatchOf] makes one.
type Batch struct {
	Actions [][]byte // each as a transaction has it
}

// ActionRefused: an action of a batch broke a rule, and changed nothing.
type ActionRefused struct {
	Index  uint32 // of the action
	Rule   string
	Detail string
}

func (ActionRefused) isEvent() {}

// Err returns which rule the action broke.
func (e ActionRefused) Err() *RuleError { return &RuleError{Rule(e.Rule), e.Detail} }

// BatchOf returns the batch of some actions.
func BatchOf(actions ...Action) Batch {
	b := Batch{make([][]byte, len(actions))}
	for i, a := range actions {
		b.Actions[i] = appendAction(nil, a)
	}
	return b
}

// Unpack returns the actions of a batch. The error is of RuleMalformed.
func (b Batch) Unpack() ([]Action, error) {
	if len(b.Actions) == 0 || len(b.Actions) > MaxBatch {
		return nil, broken(RuleMalformed, "%d actions, and a batch has 1 to %d", len(b.Actions), MaxBatch)
	}
	all := make([]Action, len(b.Actions))
	for i, data := range b.Actions {
		var err error
		if all[i], err = readAction(bcs.NewReader(data)); err != nil {
			return nil, broken(RuleMalformed, "action %d: %v", i, err)
		}
		if _, nested := all[i].(Batch); nested {
			return nil, broken(RuleMalformed, "action %d is a batch", i)
		}
	}
	return all, nil
}

// batchObjects is how far the objects that an action of a batch makes are from those of the
// one before, as ObjectIDOf counts them: their ids depend on what the others do as little as
// all else.
const batchObjects = 1 << 32

// BatchObject returns the index for ObjectIDOf of the first object that an action makes
// which has an index in a batch.
func BatchObject(index int) uint64 { return uint64(index) * batchObjects }

func (b Batch) apply(d *draft, sender Address) error {
	all, err := b.Unpack()
	if err != nil {
		return err
	}
	for i, a := range all {
		tree, system, events := d.tree, d.system, len(d.events)
		d.made = BatchObject(i)
		if err := a.apply(d, sender); err != nil {
			d.tree, d.system, d.events = tree, system, d.events[:events]
			refused := ActionRefused{Index: uint32(i)}
			if rule := (*RuleError)(nil); errors.As(err, &rule) { // as all are
				refused.Rule, refused.Detail = string(rule.Rule), rule.Detail
			}
			d.emit(refused)
		}
	}
	return nil
}

// appendAction appends an action's number, and the action.
func appendAction(dst []byte, a Action) []byte {
	for i, action := range actions {
		if reflect.TypeOf(a) == action {
			return codec.Append(bcs.AppendVariant(dst, uint32(i)), a)
		}
	}
	panic("ledger: no action, but " + reflect.TypeOf(a).String())
}

// readAction reads an action, which is all that is left.
func readAction(r *bcs.Reader) (Action, error) {
	kind := r.Variant(uint32(len(actions)), "action")
	if r.Err() != nil {
		return nil, r.Err()
	}
	action := reflect.New(actions[kind])
	if err := codec.Unmarshal(r.Bytes(r.Remaining(), "action"), action.Interface()); err != nil {
		return nil, errors.New(actions[kind].Name() + ": " + err.Error())
	}
	return action.Elem().Interface().(Action), nil
}

package rs

import (
	"sync"

	"github.com/redstuff-go/redstuff/internal/parallel"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// updater brings parity up to date with data that changes, or that comes.
type updater struct {
	code         *rscode.Code
	crew         *parallel.Crew
	accumulators *accumulators
	spaces       sync.Pool // of *updateSpace
}

// add adds the part that a data shard has in the parity.
func (u *updater) add(parity [][]byte, data []byte, index int) {
	a := u.accumulators.get(len(data))
	defer a.release()
	a.inputs = append(a.inputs, data)
	a.outputs = append(a.outputs, parity...)
	u.addColumn(a, index)
	a.run()
}

// addColumn appends the coefficients of a data shard in the parity shards.
func (u *updater) addColumn(a *accumulator, data int) {
	for parity := range u.code.Parity {
		a.coeffs = append(a.coeffs, u.code.Coefficient(data, parity))
	}
}

// update adds the parity of the changes to the parity. Data that does not change is empty
// in news.
func (u *updater) update(parity, olds, news [][]byte, size int) {
	changed := 0
	for _, shard := range news {
		if len(shard) > 0 {
			changed++
		}
	}
	if u.encodingIsCheaper(changed) {
		u.encodeChanges(parity, olds, news, size)
		return
	}
	a := u.accumulators.get(size)
	defer a.release()
	a.outputs = append(a.outputs, parity...)
	for i, shard := range news {
		if len(shard) > 0 {
			a.inputs, a.olds = append(a.inputs, shard), append(a.olds, olds[i])
			u.addColumn(a, i)
		}
	}
	a.run()
}

// encodingIsCheaper compares products of each changed shard for each parity shard with the
// transforms of encoding, by multiplications by a constant.
func (u *updater) encodingIsCheaper(changed int) bool {
	return changed*u.code.Parity > u.code.EncodeCost()
}

// updateSpace is what updating by encoding takes, for one worker: a strip of every
// shard, and one of zeros.
type updateSpace struct {
	*rscode.Workspace
	memory     [][]byte // what changes in the data, then the parity of it, then zeros
	delta, sum [][]byte
}

// space returns what a worker takes to update. It goes back to u.spaces.
func (u *updater) space() *updateSpace {
	if s, ok := u.spaces.Get().(*updateSpace); ok {
		return s
	}
	memory := alignedShards(u.code.Data+u.code.Parity+1, u.code.StripSize())
	return &updateSpace{u.code.NewWorkspace(), memory, make([][]byte, u.code.Data), memory[u.code.Data:][:u.code.Parity]}
}

// encodeChanges adds the parity of the changes to the parity, strip by strip.
func (u *updater) encodeChanges(parity, olds, news [][]byte, size int) {
	strip := u.code.StripSize()
	pieces := (size + strip - 1) / strip
	spaces := make([]*updateSpace, min(u.crew.Free(), pieces))
	for i := range spaces {
		s := u.space()
		defer u.spaces.Put(s)
		spaces[i] = s
		for d := range s.delta {
			s.delta[d] = s.memory[d]
			if len(news[d]) == 0 {
				s.delta[d] = s.memory[u.code.Data+u.code.Parity]
			}
		}
	}
	u.crew.NewGroup().Do(len(spaces), pieces, func(worker, piece int) {
		s := spaces[worker]
		off := piece * strip
		n := min(strip, size-off)
		for i, shard := range news {
			if len(shard) > 0 {
				copy(s.delta[i], shard[off:][:n])
				u.code.Engine.Xor(s.delta[i][:n], olds[i][off:][:n])
			}
		}
		s.Encode(rscode.Symbols{Shards: s.sum, Size: n, Count: 1}, rscode.Symbols{Shards: s.delta, Size: n, Count: 1})
		for j, shard := range s.sum {
			u.code.Engine.Xor(parity[j][off:][:n], shard[:n])
		}
	})
}

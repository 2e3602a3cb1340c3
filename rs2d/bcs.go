package rs2d

import (
	"fmt"
	"math"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
)

// AppendBCS appends Walrus's SliverData, whose symbols have symbolSize bytes. The
// error is a *SliverError for a sliver that the form has no room for.
func (s Sliver) AppendBCS(dst []byte, symbolSize int) ([]byte, error) {
	switch {
	case s.Index < 0 || s.Index > math.MaxUint16:
		return nil, &SliverError{s.SliverRef, ErrIndex}
	case len(s.Data) > bcs.MaxLength || symbolSize <= 0 || symbolSize > commit.MaxSymbol:
		return nil, &SliverError{s.SliverRef, ErrSize}
	}
	dst = bcs.AppendSlice(dst, s.Data)
	dst = bcs.AppendU16(dst, uint16(symbolSize))
	return bcs.AppendU16(dst, uint16(s.Index)), nil
}

// ParseSliver reads what [Sliver.AppendBCS] writes, for a sliver of the blob and of
// the given axis, and nothing else. The sliver borrows from data, and is not verified.
// The error wraps [ErrMalformed], and ErrSize or ErrIndex for a sliver that has not
// the form of the blob's; or it is one of those of [commit.Metadata.Validate].
func ParseSliver(meta *commit.Metadata, axis Axis, data []byte) (Sliver, error) {
	l, err := layoutOf(meta)
	if err != nil {
		return Sliver{}, err
	}
	s := Sliver{SliverRef: SliverRef{Axis: axis}}
	if err := checkRef(l.N, s.SliverRef); err != nil {
		return Sliver{}, &SliverError{s.SliverRef, err}
	}
	r := bcs.NewReader(data)
	s.Data = r.Slice(min(l.sliver(axis), bcs.MaxLength), "the sliver's symbols")
	at := r.Offset()
	if got := int(r.U16("the size of a symbol")); got != l.size {
		r.Fail(at, fmt.Sprintf("symbols of %d bytes", l.size), ErrSize)
	}
	at = r.Offset()
	s.Index = int(r.U16("the sliver's index"))
	if err := l.checkSliver(s); err != nil {
		r.Fail(at, "a sliver of the blob", err)
	}
	if err := r.Done(); err != nil {
		return Sliver{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return s, nil
}

// AppendBCS appends Walrus's RecoverySymbol: the index of the sliver that the symbol
// was taken from, which is the one along ProofAxis, the symbol and its proof. What
// sliver it is to recover is not part of it. The error is a *SymbolError for a symbol
// that the form has no room for.
func (s Symbol) AppendBCS(dst []byte) ([]byte, error) {
	return s.appendPlace(dst, s.At(s.ProofAxis).Index)
}

// appendPlace appends a symbol that is named by a single index.
func (s Symbol) appendPlace(dst []byte, index int) ([]byte, error) {
	switch {
	case index < 0 || index > math.MaxUint16:
		return nil, &SymbolError{s.Row, s.Col, ErrIndex}
	case len(s.Data) > commit.MaxSymbol:
		return nil, &SymbolError{s.Row, s.Col, ErrSize}
	}
	return s.Proof.AppendBinary(bcs.AppendSlice(bcs.AppendU16(dst, uint16(index)), s.Data))
}

// cutPlace reads what appendPlace writes, and returns what follows it.
func cutPlace(data []byte) (index int, symbol []byte, proof commit.Proof, rest []byte, err error) {
	r := bcs.NewReader(data)
	index = int(r.U16("the index of a sliver"))
	symbol = r.Slice(commit.MaxSymbol, "a symbol")
	rest = r.Bytes(r.Remaining(), "a proof")
	if err := r.Done(); err != nil {
		return 0, nil, nil, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	before := len(data) - len(rest)
	if proof, rest, err = commit.CutProof(rest); err != nil {
		return 0, nil, nil, nil, fmt.Errorf("%w: the proof behind %d bytes: %w", ErrMalformed, before, err)
	}
	if len(proof) == 0 {
		proof = nil
	}
	return index, symbol, proof, rest, nil
}

// errBehind is for bytes behind what there is to read.
func errBehind(rest []byte) error {
	return fmt.Errorf("%w: %d bytes follow", ErrMalformed, len(rest))
}

// parsePlace reads what appendPlace writes, and nothing else.
func parsePlace(data []byte) (index int, symbol []byte, proof commit.Proof, err error) {
	index, symbol, proof, rest, err := cutPlace(data)
	if err == nil && len(rest) > 0 {
		err = errBehind(rest)
	}
	return index, symbol, proof, err
}

// ParseSymbol reads what [Symbol.AppendBCS] writes, for a symbol that was taken from
// a sliver of the other axis to recover the wanted one, and nothing else. Its data
// borrows from data, and is not verified. The error wraps [ErrMalformed], and a
// *SymbolError for a symbol that has not the form of the blob's; or it is a
// *SliverError for a sliver that there is not, or one of those of
// [commit.Metadata.Validate].
func ParseSymbol(meta *commit.Metadata, want SliverRef, data []byte) (Symbol, error) {
	s, rest, err := CutSymbol(meta, want, data)
	if err == nil && len(rest) > 0 {
		return Symbol{}, errBehind(rest)
	}
	return s, err
}

// CutSymbol is [ParseSymbol] for a symbol that is followed by other bytes, such as more
// symbols. It returns these.
func CutSymbol(meta *commit.Metadata, want SliverRef, data []byte) (s Symbol, rest []byte, err error) {
	l, err := layoutOf(meta)
	if err != nil {
		return Symbol{}, nil, err
	}
	if err := checkRef(l.N, want); err != nil {
		return Symbol{}, nil, &SliverError{want, err}
	}
	index, symbol, proof, rest, err := cutPlace(data)
	if err != nil {
		return Symbol{}, nil, err
	}
	s = symbolOf(want, index)
	s.Data, s.Proof, s.ProofAxis = symbol, proof, want.Axis.Other()
	if err := l.checkSymbol(&s); err != nil {
		return Symbol{}, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return s, rest, nil
}

// maxPlace bounds a symbol in a proof of inconsistency: index, length, symbol, and a
// proof of sixteen hashes.
const maxPlace = 2 + 3 + commit.MaxSymbol + 1 + 16*(1+commit.HashSize)

// MarshalBinary writes the proof in BCS: the target's axis (0 primary, 1 secondary)
// and index in 16 bits, then the sequence of symbols, each with the axis of its proof
// and, as a sequence of bytes, its place along the target, the symbol and the proof,
// as in a RecoverySymbol. The error is a *SymbolError or *SliverError for what the
// form has no room for.
func (p *InconsistencyProof) MarshalBinary() ([]byte, error) {
	if p.Target.Axis > Secondary {
		return nil, &SliverError{p.Target, ErrAxis}
	}
	if p.Target.Index < 0 || p.Target.Index > math.MaxUint16 {
		return nil, &SliverError{p.Target, ErrIndex}
	}
	dst := bcs.AppendVariant(nil, uint32(p.Target.Axis))
	dst = bcs.AppendU16(dst, uint16(p.Target.Index))
	dst = bcs.AppendLength(dst, len(p.Symbols))
	var one []byte
	for _, s := range p.Symbols {
		err := error(nil)
		switch {
		case s.ProofAxis > Secondary:
			err = &SymbolError{s.Row, s.Col, ErrAxis}
		case s.At(p.Target.Axis) != p.Target:
			err = &SymbolError{s.Row, s.Col, ErrElsewhere}
		default:
			one, err = s.appendPlace(one[:0], s.At(p.Target.Axis.Other()).Index)
		}
		if err != nil {
			return nil, err
		}
		dst = bcs.AppendSlice(bcs.AppendVariant(dst, uint32(s.ProofAxis)), one)
	}
	return dst, nil
}

// ParseInconsistencyProof reads what MarshalBinary writes, and nothing else. The
// symbols borrow from data; nothing is verified. What it allocates is in proportion
// to data. The error wraps [ErrMalformed].
func ParseInconsistencyProof(data []byte) (*InconsistencyProof, error) {
	r := bcs.NewReader(data)
	p := &InconsistencyProof{}
	p.Target.Axis = Axis(r.Variant(2, "the target's axis"))
	p.Target.Index = int(r.U16("the target's index"))
	count := r.Length(commit.MaxShards, "the number of symbols")
	for i := 0; i < count && r.Err() == nil; i++ {
		axis := Axis(r.Variant(2, "the axis of a proof"))
		at := r.Offset()
		index, symbol, proof, err := parsePlace(r.Slice(maxPlace, "a symbol with its proof"))
		if err != nil {
			r.Fail(at, "a symbol with its proof", err)
			break
		}
		s := symbolOf(p.Target, index)
		s.Data, s.Proof, s.ProofAxis = symbol, proof, axis
		p.Symbols = append(p.Symbols, s)
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return p, nil
}

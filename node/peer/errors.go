package peer

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

var (
	// ErrNotFound is returned when the node answers that it has not what was asked for.
	ErrNotFound = errors.New("peer: not found")
	// ErrInconsistent is returned when the node answers that the blob is inconsistent.
	ErrInconsistent = errors.New("peer: blob is inconsistent")
	// ErrLied is returned when the node's answer contradicts the blob id, or its own form.
	ErrLied = errors.New("peer: wrong answer")
	// ErrStalled is returned when the node sent nothing for too long, or too little.
	ErrStalled = errors.New("peer: stalled")
	// ErrSilent is returned for a node that was not waited for any longer: others had
	// answered, or the caller's time was over.
	ErrSilent = errors.New("peer: no answer")
	// ErrOtherCommittee is returned when the node attests as a member of another
	// committee than the caller's.
	ErrOtherCommittee = errors.New("peer: node has another committee")
	// ErrWithheld is returned when the node serves something only when a challenge is over.
	ErrWithheld = errors.New("peer: withheld while a challenge is on")
)

// OtherCommitteeError is returned when the node is in another epoch than the caller, who
// wants it to do what its committee is to do. It wraps ErrOtherCommittee.
type OtherCommitteeError struct {
	Epoch uint64 // of the node
	text  string
}

func (e *OtherCommitteeError) Error() string { return e.text }

// Unwrap returns ErrOtherCommittee.
func (e *OtherCommitteeError) Unwrap() error { return ErrOtherCommittee }

// StatusError is an answer that is not a success. It wraps ErrNotFound for a status of
// 404, ErrInconsistent for 410, ErrWithheld for what a challenge has it withhold.
type StatusError struct {
	Member     string
	Code       int
	Message    string
	Epoch      uint64        // of the node, where it answers that something is not its own in it; or 0
	RetryAfter time.Duration // 0 if the node named none
	Withheld   bool          // it is served when a challenge is over
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answers %d %s: %s", e.Member, e.Code, http.StatusText(e.Code), e.Message)
}

// Unwrap returns the error that stands for the status, or nil.
func (e *StatusError) Unwrap() error {
	if e.Withheld {
		return ErrWithheld
	}
	switch e.Code {
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusGone:
		return ErrInconsistent
	}
	return nil
}

// temporary reports whether the same request may succeed a little later.
func temporary(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		// What a challenge withholds is withheld longer than attempts take.
		return !status.Withheld && status.Code == http.StatusServiceUnavailable || status.Code == http.StatusTooManyRequests
	}
	return !errors.Is(err, ErrLied)
}

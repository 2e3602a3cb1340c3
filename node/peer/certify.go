package peer

import (
	"errors"

	"github.com/redstuff-go/redstuff/node/committee"
)

// CertifyMost makes a certificate of those of the signatures that are right, by member,
// and distrusts the members that sent the others. The error is committee.ErrWeight if
// too few are.
func CertifyMost(v *View, a committee.Attestation, signatures map[int]committee.Signature) (*committee.Certificate, error) {
	return certifyMost(v, signatures, func() (*committee.Certificate, error) { return v.Certify(a, signatures) })
}

// CertifyMostOfBatch is CertifyMost for attestations that were signed at once, see
// [committee.CertifyBatch].
func CertifyMostOfBatch(v *View, batch []committee.Attestation, signatures map[int]committee.Signature) ([]*committee.Certificate, error) {
	return certifyMost(v, signatures, func() ([]*committee.Certificate, error) {
		return committee.CertifyBatch(v.Committee, batch, signatures)
	})
}

// certifyMost calls certify, and again without the signatures that are wrong.
func certifyMost[T any](v *View, signatures map[int]committee.Signature, certify func() (T, error)) (T, error) {
	made, err := certify()
	var bad *committee.BadSignersError
	if !errors.As(err, &bad) {
		return made, err
	}
	for _, member := range bad.Members {
		delete(signatures, member)
		if member < len(v.Peers) && v.Peers[member] != nil {
			v.Peers[member].Distrust()
		}
	}
	return certify()
}

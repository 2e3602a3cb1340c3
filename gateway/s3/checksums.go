package s3

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

// asked returns of what the checksum is to be that an upload was begun with, if any.
func (c checksum) asked() types.ChecksumType {
	c.Value = c.Algorithm // there is one to come
	return c.kind()
}

// partSum returns the checksum that a client says a part has; "" if it does not.
func partSum(p types.CompletedPart, algorithm string) string {
	return text(map[string]*string{
		"CRC32": p.ChecksumCRC32, "CRC32C": p.ChecksumCRC32C, "CRC64NVME": p.ChecksumCRC64NVME, "SHA1": p.ChecksumSHA1, "SHA256": p.ChecksumSHA256,
		"SHA512": p.ChecksumSHA512, "MD5": p.ChecksumMD5, "XXHASH64": p.ChecksumXXHASH64, "XXHASH3": p.ChecksumXXHASH3, "XXHASH128": p.ChecksumXXHASH128,
	}[algorithm])
}

// wholeSum returns the checksum that a client says the object has; "" if it does not.
func wholeSum(in *s3.CompleteMultipartUploadInput, algorithm string) string {
	return text(map[string]*string{
		"CRC32": in.ChecksumCRC32, "CRC32C": in.ChecksumCRC32C, "CRC64NVME": in.ChecksumCRC64NVME, "SHA1": in.ChecksumSHA1, "SHA256": in.ChecksumSHA256,
		"SHA512": in.ChecksumSHA512, "MD5": in.ChecksumMD5, "XXHASH64": in.ChecksumXXHASH64, "XXHASH3": in.ChecksumXXHASH3, "XXHASH128": in.ChecksumXXHASH128,
	}[algorithm])
}

// checkPart returns an error if the client says another checksum of a part than it has, or none
// though it must: S3 wants the checksums again that another one is made of.
func checkPart(upload string, says types.CompletedPart, has checksum, must bool) error {
	var given []checksum
	shown := ""
	for _, algorithm := range types.ChecksumAlgorithm("").Values() {
		if value := partSum(says, string(algorithm)); value != "" {
			given = append(given, checksum{Algorithm: string(algorithm), Value: value})
		}
	}
	slices.SortFunc(given, func(a, b checksum) int { return strings.Compare(a.Algorithm, b.Algorithm) })
	for _, c := range given {
		shown += c.Algorithm + ":" + c.Value + ";"
	}
	switch {
	case len(given) > 1:
		return s3err.GetInvalidArgumentErr(s3err.InvalidArgChecksumPart, shown)
	case len(given) == 0 && must:
		return s3err.APIError{
			Code: "InvalidRequest", HTTPStatusCode: http.StatusBadRequest,
			Description: fmt.Sprintf("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.", strings.ToLower(has.Algorithm), *says.PartNumber),
		}
	case len(given) == 0:
		return nil
	}
	one := given[0]
	switch {
	case !utils.IsValidChecksum(one.Value, types.ChecksumAlgorithm(one.Algorithm)):
		return s3err.GetInvalidArgumentErr(s3err.InvalidArgChecksumPart, one.Value)
	case one.Algorithm != has.Algorithm:
		return s3err.APIError{
			Code: "BadDigest", HTTPStatusCode: http.StatusBadRequest,
			Description: fmt.Sprintf("The %s you specified for part %d did not match what we received.", strings.ToLower(one.Algorithm), *says.PartNumber),
		}
	case one.Value != has.Value:
		return s3err.GetInvalidPartErr(upload, *says.PartNumber, text(says.ETag))
	}
	return nil
}

// joined makes the checksum of an object of those of its parts: a hash of them, or what the CRC
// of all bytes is.
type joined struct {
	want  checksum
	hash  *utils.CompositeChecksumReader // nil unless the checksum is composite
	value string
	parts int
}

// newJoined begins a checksum. want has no value, and no algorithm if there is none to be made.
func newJoined(want checksum) (*joined, error) {
	j := &joined{want: want}
	if !want.Composite || want.Algorithm == "" {
		return j, nil
	}
	var err error
	j.hash, err = utils.NewCompositeChecksumReader(utils.HashType(strings.ToLower(want.Algorithm)))
	return j, err
}

// add adds the next part, whose checksum must be what the client says that it is.
func (j *joined) add(upload string, says types.CompletedPart, p *part) error {
	if j.want.Algorithm == "" {
		return nil
	}
	if p.Checksum.Algorithm != j.want.Algorithm {
		return s3err.GetInvalidPartErr(upload, *says.PartNumber, text(says.ETag))
	}
	if err := checkPart(upload, says, p.Checksum, j.want.Composite); err != nil {
		return err
	}
	j.parts++
	if j.hash != nil {
		return j.hash.Process(p.Checksum.Value)
	}
	var err error
	if j.parts == 1 {
		j.value = p.Checksum.Value
	} else {
		j.value, err = utils.AddCRCChecksum(types.ChecksumAlgorithm(j.want.Algorithm), j.value, p.Checksum.Value, p.Size)
	}
	return err
}

// checksum returns the object's checksum.
func (j *joined) checksum() checksum {
	done := j.want
	switch {
	case j.want.Algorithm == "":
		return checksum{}
	case j.hash != nil:
		done.Value = fmt.Sprintf("%s-%d", j.hash.Sum(), j.parts)
	default:
		done.Value = j.value
	}
	return done
}

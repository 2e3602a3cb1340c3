package s3

import (
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// usualSum is the algorithm of an object's checksum if the client asks for none.
const usualSum = string(types.ChecksumAlgorithmCrc64nvme)

// sums are the checksums that a body is to have.
type sums struct {
	given map[types.ChecksumAlgorithm]*string // by the client, of which one is not nil at most
	want  string                              // algorithm that it must be of; may be empty
	must  bool                                // the client has to give it
	usual bool                                // the usual one if there is no other
	crc64 bool                                // the usual one besides, for what is made of several bodies
}

// sumsOfObject returns the checksums that an object is to have.
func sumsOfObject(in *s3response.PutObjectInput) sums {
	return sums{usual: true, given: map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: in.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: in.ChecksumCRC32C, types.ChecksumAlgorithmCrc64nvme: in.ChecksumCRC64NVME,
		types.ChecksumAlgorithmSha1: in.ChecksumSHA1, types.ChecksumAlgorithmSha256: in.ChecksumSHA256, types.ChecksumAlgorithmSha512: in.ChecksumSHA512,
		types.ChecksumAlgorithmMd5: in.ChecksumMD5, types.ChecksumAlgorithmXxhash64: in.ChecksumXXHASH64,
		types.ChecksumAlgorithmXxhash3: in.ChecksumXXHASH3, types.ChecksumAlgorithmXxhash128: in.ChecksumXXHASH128,
	}}
}

// sumsOfPart returns the checksums that a part is to have.
func sumsOfPart(in *s3.UploadPartInput, of checksum) sums {
	return sums{want: of.Algorithm, must: of.Composite, crc64: of.Algorithm == "", given: map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: in.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: in.ChecksumCRC32C, types.ChecksumAlgorithmCrc64nvme: in.ChecksumCRC64NVME,
		types.ChecksumAlgorithmSha1: in.ChecksumSHA1, types.ChecksumAlgorithmSha256: in.ChecksumSHA256, types.ChecksumAlgorithmSha512: in.ChecksumSHA512,
		types.ChecksumAlgorithmMd5: in.ChecksumMD5, types.ChecksumAlgorithmXxhash64: in.ChecksumXXHASH64,
		types.ChecksumAlgorithmXxhash3: in.ChecksumXXHASH3, types.ChecksumAlgorithmXxhash128: in.ChecksumXXHASH128,
	}}
}

// hashes are what computes the checksums of a body, or knows them when it has been read.
type hashes struct {
	algorithm string // of the checksum; may be empty
	sum       *utils.HashReader
	trailing  middlewares.ChecksumReader // has the checksum instead of sum
	crc64     *utils.HashReader          // nil if it is not asked for, or is the checksum
	both      bool                       // the checksum is what is asked for as crc64
}

// reader returns a reader of what r has, which is the body, that compares the checksum that the
// client gives, before or behind the body, and computes the others.
func (s sums) reader(r io.Reader, body io.Reader) (io.Reader, *hashes, error) {
	h, value := new(hashes), ""
	for algorithm, given := range s.given {
		if given != nil {
			h.algorithm, value = string(algorithm), *given
		}
	}
	if behind, ok := body.(middlewares.ChecksumReader); ok && behind.Algorithm() != "" {
		h.algorithm, h.trailing = strings.ToUpper(behind.Algorithm()), behind
	}
	switch {
	case s.want != "" && h.algorithm == "" && s.must:
		return nil, nil, s3err.GetChecksumTypeMismatchErr(types.ChecksumAlgorithm(s.want), "null")
	case s.want != "" && h.algorithm != "" && h.algorithm != s.want:
		return nil, nil, s3err.GetChecksumTypeMismatchErr(types.ChecksumAlgorithm(s.want), types.ChecksumAlgorithm(h.algorithm))
	case s.want != "":
		h.algorithm = s.want
	case h.algorithm == "" && s.usual:
		h.algorithm = usualSum
	}
	var err error
	if h.algorithm != "" && h.trailing == nil {
		if h.sum, err = utils.NewHashReader(r, value, utils.HashType(strings.ToLower(h.algorithm))); err != nil {
			return nil, nil, err
		}
		r = h.sum
	}
	h.both = s.crc64 && h.algorithm == usualSum
	if s.crc64 && !h.both {
		if h.crc64, err = utils.NewHashReader(r, "", utils.HashTypeCRC64NVME); err != nil {
			return nil, nil, err
		}
		r = h.crc64
	}
	return r, h, nil
}

// results returns the checksums when the body has been read.
func (h *hashes) results() (sum checksum, crc64 string) {
	switch {
	case h.trailing != nil:
		sum = checksum{Algorithm: h.algorithm, Value: h.trailing.Checksum()}
	case h.sum != nil:
		sum = checksum{Algorithm: h.algorithm, Value: h.sum.Sum()}
	}
	switch {
	case h.both:
		crc64 = sum.Value
	case h.crc64 != nil:
		crc64 = h.crc64.Sum()
	}
	return sum, crc64
}

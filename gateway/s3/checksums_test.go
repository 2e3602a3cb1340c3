package s3

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// sumOf returns a checksum of bytes, as standard libraries compute it.
func sumOf(algorithm types.ChecksumAlgorithm, data []byte) []byte {
	switch algorithm {
	case types.ChecksumAlgorithmCrc32:
		return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
	case types.ChecksumAlgorithmCrc32c:
		return binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	case types.ChecksumAlgorithmCrc64nvme:
		return binary.BigEndian.AppendUint64(nil, crc64.Checksum(data, crc64.MakeTable(0x9a6c9329ac4bc9b5)))
	}
	sum := sha256.Sum256(data)
	return sum[:]
}

// pick returns the value among the fields of an answer.
func pick(algorithm types.ChecksumAlgorithm, c32, c32c, c64, sha *string) string {
	return text(map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: c32, types.ChecksumAlgorithmCrc32c: c32c, types.ChecksumAlgorithmCrc64nvme: c64, types.ChecksumAlgorithmSha256: sha,
	}[algorithm])
}

// TestMultipartChecksums uploads parts with checksums: of the object there is one made of them.
func TestMultipartChecksums(t *testing.T) {
	s := serve(t, Options{PieceSize: 2 << 20})
	s.bucket("bucket")
	ctx, b := t.Context(), aws.String("bucket")
	parts := [][]byte{some(1, 5<<20), some(2, 100)}
	for _, test := range []struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
	}{
		{types.ChecksumAlgorithmCrc32, types.ChecksumTypeComposite},
		{types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmSha256, types.ChecksumTypeComposite},
	} {
		t.Run(fmt.Sprint(test.algorithm, test.kind), func(t *testing.T) {
			key := aws.String(fmt.Sprint(test.algorithm, test.kind))
			began, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: key, ChecksumAlgorithm: test.algorithm, ChecksumType: test.kind})
			if err != nil {
				t.Fatal(err)
			}
			var list []types.CompletedPart
			var sums []byte
			for i, data := range parts {
				number := aws.Int32(int32(i + 1))
				put, err := s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: b, Key: key, UploadId: began.UploadId, PartNumber: number, Body: bytes.NewReader(data), ChecksumAlgorithm: test.algorithm})
				if err != nil {
					t.Fatal(err)
				}
				sum := sumOf(test.algorithm, data)
				sums = append(sums, sum...)
				want := base64.StdEncoding.EncodeToString(sum)
				if got := pick(test.algorithm, put.ChecksumCRC32, put.ChecksumCRC32C, put.ChecksumCRC64NVME, put.ChecksumSHA256); got != want {
					t.Errorf("part %d has the checksum %q, want %q", i+1, got, want)
				}
				list = append(list, types.CompletedPart{PartNumber: number, ETag: put.ETag, ChecksumCRC32: put.ChecksumCRC32, ChecksumCRC32C: put.ChecksumCRC32C, ChecksumCRC64NVME: put.ChecksumCRC64NVME, ChecksumSHA256: put.ChecksumSHA256})
			}
			shown, err := s.aws.ListParts(ctx, &awss3.ListPartsInput{Bucket: b, Key: key, UploadId: began.UploadId})
			if err != nil || shown.ChecksumAlgorithm != test.algorithm || shown.ChecksumType != test.kind {
				t.Errorf("the upload is listed with %s of %s (%v), want %s of %s", shown.ChecksumAlgorithm, shown.ChecksumType, err, test.algorithm, test.kind)
			}
			for i, p := range shown.Parts {
				if got, want := pick(test.algorithm, p.ChecksumCRC32, p.ChecksumCRC32C, p.ChecksumCRC64NVME, p.ChecksumSHA256), partSum(list[i], string(test.algorithm)); got != want {
					t.Errorf("part %d is listed with %q, want %q", i+1, got, want)
				}
			}
			complete := func(list []types.CompletedPart, whole *string) (*awss3.CompleteMultipartUploadOutput, error) {
				in := &awss3.CompleteMultipartUploadInput{Bucket: b, Key: key, UploadId: began.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: list}}
				switch test.algorithm {
				case types.ChecksumAlgorithmCrc32:
					in.ChecksumCRC32 = whole
				case types.ChecksumAlgorithmCrc32c:
					in.ChecksumCRC32C = whole
				case types.ChecksumAlgorithmCrc64nvme:
					in.ChecksumCRC64NVME = whole
				default:
					in.ChecksumSHA256 = whole
				}
				return s.aws.CompleteMultipartUpload(ctx, in)
			}
			wrong := base64.StdEncoding.EncodeToString(sumOf(test.algorithm, []byte("other bytes")))
			if _, err := complete(list, &wrong); code(err) != "BadDigest" {
				t.Errorf("another checksum of the object: %v, want BadDigest", err)
			}
			other := append([]types.CompletedPart(nil), list...)
			other[0] = types.CompletedPart{PartNumber: list[0].PartNumber, ETag: list[0].ETag}
			switch test.algorithm {
			case types.ChecksumAlgorithmCrc32:
				other[0].ChecksumCRC32 = &wrong
			case types.ChecksumAlgorithmCrc32c:
				other[0].ChecksumCRC32C = &wrong
			case types.ChecksumAlgorithmCrc64nvme:
				other[0].ChecksumCRC64NVME = &wrong
			default:
				other[0].ChecksumSHA256 = &wrong
			}
			if _, err := complete(other, nil); code(err) != "InvalidPart" {
				t.Errorf("another checksum of a part: %v, want InvalidPart", err)
			}
			want := base64.StdEncoding.EncodeToString(sumOf(test.algorithm, bytes.Join(parts, nil)))
			if test.kind == types.ChecksumTypeComposite {
				want = base64.StdEncoding.EncodeToString(sumOf(test.algorithm, sums)) + "-2"
			}
			done, err := complete(list, &want)
			if err != nil {
				t.Fatal(err)
			}
			if got := pick(test.algorithm, done.ChecksumCRC32, done.ChecksumCRC32C, done.ChecksumCRC64NVME, done.ChecksumSHA256); got != want || done.ChecksumType != test.kind {
				t.Errorf("the object has the checksum %q of %s, want %q of %s", got, done.ChecksumType, want, test.kind)
			}
			head, err := s.aws.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: b, Key: key, ChecksumMode: types.ChecksumModeEnabled})
			if err != nil {
				t.Fatal(err)
			}
			if got := pick(test.algorithm, head.ChecksumCRC32, head.ChecksumCRC32C, head.ChecksumCRC64NVME, head.ChecksumSHA256); got != want || head.ChecksumType != test.kind {
				t.Errorf("the object is shown with %q of %s, want %q of %s", got, head.ChecksumType, want, test.kind)
			}
			s.expect("bucket", *key, bytes.Join(parts, nil))
		})
	}
	t.Run("another algorithm", func(t *testing.T) {
		began, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: aws.String("key"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: b, Key: aws.String("key"), UploadId: began.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(parts[1]), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
		if code(err) != "InvalidRequest" {
			t.Errorf("error %v, want InvalidRequest", err)
		}
	})
}

// TestChecksumsShown shows an object's checksum wherever it is asked for.
func TestChecksumsShown(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	ctx, b, key := t.Context(), aws.String("bucket"), aws.String("key")
	put, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: b, Key: key, Body: bytes.NewReader(some(1, 100)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		t.Fatal(err)
	}
	want := base64.StdEncoding.EncodeToString(sumOf(types.ChecksumAlgorithmSha256, some(1, 100)))
	shown, err := s.aws.GetObjectAttributes(ctx, &awss3.GetObjectAttributesInput{Bucket: b, Key: key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag, types.ObjectAttributesChecksum}})
	if err != nil || shown.Checksum == nil || text(shown.Checksum.ChecksumSHA256) != want || `"`+text(shown.ETag)+`"` != text(put.ETag) {
		t.Errorf("attributes: %+v (%v), want the checksum %s, and the tag %s without quotes", shown, err, want, text(put.ETag))
	}
	listed, err := s.aws.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: b})
	if err != nil || len(listed.Contents) != 1 || len(listed.Contents[0].ChecksumAlgorithm) != 1 || listed.Contents[0].ChecksumAlgorithm[0] != types.ChecksumAlgorithmSha256 {
		t.Errorf("listed: %+v (%v), want one with SHA256", listed, err)
	}
}

// TestDeleteBucketUploads removes a bucket with the uploads that go on in it: one that is made
// afterwards has none of them.
func TestDeleteBucketUploads(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	ctx, b, key := t.Context(), aws.String("bucket"), aws.String("key")
	began, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: b}); err != nil {
		t.Fatal(err)
	}
	s.bucket("bucket")
	if _, err := s.aws.ListParts(ctx, &awss3.ListPartsInput{Bucket: b, Key: key, UploadId: began.UploadId}); code(err) != "NoSuchUpload" {
		t.Errorf("error %v, want NoSuchUpload", err)
	}
}

// TestUsualChecksum: an object has a checksum whether or not the client asks for one, a copy has
// the one that it is asked for, and so has what is made of parts.
func TestUsualChecksum(t *testing.T) {
	s := serve(t, Options{PieceSize: 2 << 20})
	s.bucket("bucket")
	ctx, b, key := t.Context(), aws.String("bucket"), aws.String("key")
	quiet := func(o *awss3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired }
	encoded := func(algorithm types.ChecksumAlgorithm, data []byte) string {
		return base64.StdEncoding.EncodeToString(sumOf(algorithm, data))
	}
	put, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: b, Key: key, Body: bytes.NewReader(some(1, 5<<20))}, quiet)
	if want := encoded(types.ChecksumAlgorithmCrc64nvme, some(1, 5<<20)); err != nil || text(put.ChecksumCRC64NVME) != want {
		t.Fatalf("put with the checksum %q (%v), want %q", text(put.ChecksumCRC64NVME), err, want)
	}
	for _, c := range []struct {
		algorithm types.ChecksumAlgorithm
		want      string
	}{
		{"", encoded(types.ChecksumAlgorithmCrc64nvme, some(1, 5<<20))},
		{types.ChecksumAlgorithmSha256, encoded(types.ChecksumAlgorithmSha256, some(1, 5<<20))},
		{types.ChecksumAlgorithmCrc32c, encoded(types.ChecksumAlgorithmCrc32c, some(1, 5<<20))},
	} {
		out, err := s.aws.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: b, Key: aws.String("copy"), CopySource: aws.String("bucket/key"), ChecksumAlgorithm: c.algorithm})
		if err != nil {
			t.Fatal(err)
		}
		r := out.CopyObjectResult
		if got := text(r.ChecksumCRC64NVME) + text(r.ChecksumSHA256) + text(r.ChecksumCRC32C); got != c.want {
			t.Errorf("a copy with %q has the checksum %q, want %q", c.algorithm, got, c.want)
		}
	}
	began, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: key}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	one, err := s.aws.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{Bucket: b, Key: key, UploadId: began.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("bucket/key")})
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: b, Key: key, UploadId: began.UploadId, PartNumber: aws.Int32(2), Body: bytes.NewReader(some(2, 1000)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil || text(two.ChecksumSHA256) != encoded(types.ChecksumAlgorithmSha256, some(2, 1000)) {
		t.Fatalf("a part with a checksum that nobody asked for: %+v (%v)", two, err)
	}
	// All at once: one of them makes the object, and the others find it made.
	want := encoded(types.ChecksumAlgorithmCrc64nvme, append(some(1, 5<<20), some(2, 1000)...))
	var crowd sync.WaitGroup
	for range 4 {
		crowd.Go(func() {
			done, err := s.aws.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: b, Key: key, UploadId: began.UploadId, MultipartUpload: &types.CompletedMultipartUpload{
				Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: one.CopyPartResult.ETag}, {PartNumber: aws.Int32(2), ETag: two.ETag}},
			}})
			if err != nil || text(done.ChecksumCRC64NVME) != want {
				t.Errorf("made of parts: %+v (%v), want the checksum %q", done, err, want)
			}
		})
	}
	crowd.Wait()
}

// TestCompleteChecks refuses parts of which the client says something wrong.
func TestCompleteChecks(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	ctx, b, key := t.Context(), aws.String("bucket"), aws.String("key")
	began, err := s.aws.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: b, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumType: types.ChecksumTypeComposite})
	if err != nil {
		t.Fatal(err)
	}
	put, err := s.aws.UploadPart(ctx, &awss3.UploadPartInput{Bucket: b, Key: key, UploadId: began.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(some(1, 100)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		t.Fatal(err)
	}
	part := types.CompletedPart{PartNumber: aws.Int32(1), ETag: put.ETag}
	for _, c := range []struct {
		name string
		edit func(p *types.CompletedPart)
		kind types.ChecksumType
		want string
	}{
		{"no checksum", func(*types.CompletedPart) {}, "", "InvalidRequest"},
		{"not one at all", func(p *types.CompletedPart) { p.ChecksumSHA256 = aws.String("x") }, "", "InvalidArgument"},
		{"another algorithm", func(p *types.CompletedPart) { p.ChecksumCRC32 = aws.String("AAAAAA==") }, "", "BadDigest"},
		{"two", func(p *types.CompletedPart) {
			p.ChecksumCRC32, p.ChecksumSHA256 = aws.String("AAAAAA=="), put.ChecksumSHA256
		}, "", "InvalidArgument"},
		{"another kind", func(p *types.CompletedPart) { p.ChecksumSHA256 = put.ChecksumSHA256 }, types.ChecksumTypeFullObject, "InvalidRequest"},
		{"right", func(p *types.CompletedPart) { p.ChecksumSHA256 = put.ChecksumSHA256 }, types.ChecksumTypeComposite, "<nil>"},
	} {
		one := part
		c.edit(&one)
		_, err := s.aws.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
			Bucket: b, Key: key, UploadId: began.UploadId, ChecksumType: c.kind, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{one}},
		})
		if code(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/klauspost/reedsolomon"
)

// shortParity is the most parity, in bytes, that is written out.
const shortParity = 2048

// groups are what vectors are made for: data shards, parity shards, and the
// length of each. Many lengths leave a rest for code that takes 8, 16, 32 or
// 64 bytes at once; one is that of real packets.
var groups = [][3]int{
	{1, 1, 1},
	{1, 2, 3},
	{2, 1, 16},
	{2, 2, 7},
	{3, 2, 13},
	{3, 3, 64},
	{4, 2, 100},
	{5, 3, 31},
	{5, 5, 2},
	{6, 3, 33},
	{8, 4, 1389},
	{10, 1, 47},
	{10, 3, 201},
	{10, 10, 65},
	{16, 4, 129},
	{17, 3, 32},
	{20, 5, 1},
	{30, 10, 19},
	{32, 8, 50},
	{50, 20, 11},
	{64, 64, 37},
	{70, 30, 67},
	{100, 30, 83},
	{127, 1, 97},
	{128, 128, 41},
	{1, 255, 5},
	{255, 1, 127},
	{200, 56, 21},
}

// A vector says what parity some data has. The data follows from the seed.
type vector struct {
	DataShards   int    `json:"dataShards"`
	ParityShards int    `json:"parityShards"`
	Length       int    `json:"length"`
	Seed         string `json:"seed"`
	SHA256       string `json:"sha256"`
	Parity       string `json:"parity,omitempty"`
}

// vectors is the whole document, with words for its readers.
type vectors struct {
	Code    string   `json:"code"`
	Data    string   `json:"data"`
	SHA256  string   `json:"sha256"`
	Parity  string   `json:"parity"`
	Vectors []vector `json:"vectors"`
}

func printVectors(out io.Writer) error {
	document := vectors{
		Code:   "github.com/klauspost/reedsolomon: New(dataShards, parityShards), no options",
		Data:   "the first dataShards * length bytes of SHAKE128(seed), cut into shards of length bytes",
		SHA256: "of all parity shards, one after another",
		Parity: fmt.Sprintf("these shards in hexadecimal, unless they have more than %d bytes", shortParity),
	}
	for _, group := range groups {
		v, err := newVector(group[0], group[1], group[2])
		if err != nil {
			return fmt.Errorf("%d+%d shards: %w", group[0], group[1], err)
		}
		document.Vectors = append(document.Vectors, v)
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
}

func newVector(data, parity, length int) (vector, error) {
	v := vector{
		DataShards:   data,
		ParityShards: parity,
		Length:       length,
		Seed:         fmt.Sprintf("Reed-Solomon %d+%d", data, parity),
	}
	codec, err := reedsolomon.New(data, parity)
	if err != nil {
		return v, err
	}
	shards := make([][]byte, data+parity)
	stream := sha3.NewSHAKE128()
	stream.Write([]byte(v.Seed))
	for i := range shards {
		shards[i] = make([]byte, length)
		if i < data {
			stream.Read(shards[i])
		}
	}
	if err := codec.Encode(shards); err != nil {
		return v, err
	}
	joined := bytes.Join(shards[data:], nil)
	sum := sha256.Sum256(joined)
	v.SHA256 = hex.EncodeToString(sum[:])
	if len(joined) <= shortParity {
		v.Parity = hex.EncodeToString(joined)
	}
	return v, nil
}

package main

import (
	"crypto/cipher"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/reedsolomon"
	kcp "github.com/xtaci/kcp-go/v5"
)

const (
	// packetSize is kcp-go's default mtu.
	packetSize = 1400

	// batch is how often a task runs between two looks at the clock.
	batch = 64

	benchmarkDataShards   = 10
	benchmarkParityShards = 3
)

// A task is something to measure.
type task struct {
	item string // what -only calls it
	part string // which of the item's numbers it gives; "" when there is one
	run  func()
}

// runBenchmark measures and prints one JSON object, item by item.
func runBenchmark(c *config) error {
	tasks, err := allTasks()
	if err != nil {
		return err
	}
	if c.only != "" {
		wanted := strings.Split(c.only, ",")
		tasks = slices.DeleteFunc(tasks, func(t task) bool { return !slices.Contains(wanted, t.item) })
	}
	found := make([][]float64, len(tasks))
	for range c.rounds {
		for i, t := range tasks {
			found[i] = append(found[i], t.measure(seconds(c.seconds)))
		}
	}
	printed := make(map[string]any)
	for i, t := range tasks {
		value := math.Round(median(found[i])*10) / 10
		if t.part == "" {
			printed[t.item] = value
			continue
		}
		if printed[t.item] == nil {
			printed[t.item] = make(map[string]float64)
		}
		printed[t.item].(map[string]float64)[t.part] = value
	}
	printJSON(os.Stdout, printed)
	return nil
}

// measure returns the nanoseconds of one run, the mean over so much time.
func (t task) measure(atLeast time.Duration) float64 {
	for range batch {
		t.run() // not timed, so that caches and branches know it
	}
	start := time.Now()
	for runs := batch; ; runs += batch {
		for range batch {
			t.run()
		}
		if took := time.Since(start); took >= atLeast {
			return float64(took.Nanoseconds()) / float64(runs)
		}
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// benchmarkItems are the names that -only takes.
func benchmarkItems() []string {
	names := slices.DeleteFunc(cipherNames(), func(name string) bool { return name == "null" })
	return append(names, "crc32", "reedsolomon")
}

func allTasks() ([]task, error) {
	key, err := derivedKey("benchmark")
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, name := range cipherNames() {
		made, err := cipherTasks(name, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		tasks = append(tasks, made...)
	}
	packet := somePacket()
	tasks = append(tasks, task{"crc32", "", func() { crc32.ChecksumIEEE(packet) }})
	made, err := reedSolomonTasks()
	return append(tasks, made...), err
}

// cipherTasks takes as much of the key as the cipher needs.
func cipherTasks(name string, key []byte) ([]task, error) {
	kind := ciphers[name]
	if kind.keySize != anyKey {
		key = key[:kind.keySize]
	}
	switch {
	case kind.aead != nil:
		aead, err := kind.aead(key)
		if err != nil {
			return nil, err
		}
		return aeadTasks(name, aead), nil
	case kind.block != nil:
		block, err := kind.block(key)
		return blockTasks(name, block), err
	}
	return nil, nil
}

func somePacket() []byte {
	return newPattern(1, packetSize).from(0).take(packetSize)
}

// blockTasks work in place, as kcp-go does.
func blockTasks(name string, block kcp.BlockCrypt) []task {
	packet := somePacket()
	return []task{
		{name, "encrypt", func() { block.Encrypt(packet, packet) }},
		{name, "decrypt", func() { block.Decrypt(packet, packet) }},
	}
}

// aeadTasks seal to a packet of packetSize bytes, nonce and tag included, and
// open one. The nonce is always the same.
func aeadTasks(name string, aead cipher.AEAD) []task {
	packet := make([]byte, packetSize)
	nonce := packet[:aead.NonceSize()]
	plain := somePacket()[:packetSize-aead.NonceSize()-aead.Overhead()]
	opened := make([]byte, 0, packetSize)
	seal := func() { aead.Seal(nonce, nonce, plain, nil) }
	seal()
	return []task{
		{name, "encrypt", seal},
		{name, "decrypt", func() {
			if _, err := aead.Open(opened, nonce, packet[len(nonce):], nil); err != nil {
				panic(err)
			}
		}},
	}
}

func reedSolomonTasks() ([]task, error) {
	codec, err := reedsolomon.New(benchmarkDataShards, benchmarkParityShards)
	if err != nil {
		return nil, err
	}
	data := newPattern(1, packetSize).from(0)
	shards := make([][]byte, benchmarkDataShards+benchmarkParityShards)
	for i := range shards {
		shards[i] = slices.Clone(data.take(packetSize))
	}
	encode := func() {
		if err := codec.Encode(shards); err != nil {
			panic(err)
		}
	}
	encode()
	return []task{
		{"reedsolomon", "encode", encode},
		{"reedsolomon", "reconstruct", func() {
			// A shard cut to no length is rebuilt in its own memory; kcp-go's have it from a pool.
			for i := range benchmarkParityShards {
				shards[2*i+1] = shards[2*i+1][:0]
			}
			if err := codec.ReconstructData(shards); err != nil {
				panic(err)
			}
		}},
	}, nil
}

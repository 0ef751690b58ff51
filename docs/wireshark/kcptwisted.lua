-- KCP for Wireshark and tshark: segments, FEC, out-of-band packets, and kcptwisted's control frames
-- (docs/wire.md and docs/control.md of kcptwisted).
--
-- Nothing is decrypted: crypt=null and crypt=none are shown, and of other ciphers that they are
-- there.  "kcptwisted dump" takes a key.

local kcp = Proto("kcp", "KCP")

kcp.prefs.ports = Pref.range("UDP ports", "", "Ports whose datagrams are KCP", 65535)
kcp.prefs.heuristics = Pref.bool(
    "Find KCP on other ports", true, "Take datagrams for KCP that are made of its segments"
)

local COMMANDS = { [81] = "PUSH", [82] = "ACK", [83] = "WASK", [84] = "WINS" }
local SHARDS = { [0xf1] = "data", [0xf2] = "parity", [0xf3] = "out-of-band" }
local FRAMES = {
    "hello", "retry", "cookie", "fin", "fin-ack", "reset", "challenge", "response", "probe",
    "probe-ack",
}
local SIZES = { 4, 8, 8, 5, 5, 1, 8, 8, 4, 4 }
local REASONS = {
    "the application aborted the connection", "no such connection", "idle for too long",
    "the socket is being closed", "the end failed", "the program is ending",
}

local HEADER, FEC_HEADER, BLOCK, CHECKED = 24, 8, 19, 20
local LONGEST_INFO = 8

local f = kcp.fields
f.nonce = ProtoField.bytes("kcp.nonce", "Nonce")
f.crc = ProtoField.uint32("kcp.crc", "CRC-32", base.HEX)
f.seqid = ProtoField.uint32("kcp.fec.seqid", "Shard")
f.shard = ProtoField.uint16("kcp.fec.type", "Type", base.HEX, SHARDS)
f.size = ProtoField.uint16("kcp.fec.size", "Size")
f.parity = ProtoField.bytes("kcp.fec.parity", "Parity")
f.conv = ProtoField.uint32("kcp.conv", "Conversation", base.HEX)
f.cmd = ProtoField.uint8("kcp.cmd", "Command", base.DEC, COMMANDS)
f.frg = ProtoField.uint8("kcp.frg", "Fragments that follow")
f.wnd = ProtoField.uint16("kcp.wnd", "Window")
f.ts = ProtoField.uint32("kcp.ts", "Timestamp")
f.sn = ProtoField.uint32("kcp.sn", "Sequence number")
f.una = ProtoField.uint32("kcp.una", "Unacknowledged from")
f.len = ProtoField.uint32("kcp.len", "Length")
f.data = ProtoField.bytes("kcp.data", "Data")
f.oob = ProtoField.bytes("kcp.oob", "Out-of-band data")
f.stream = ProtoField.uint32("kcp.stream", "Stream index")
f.again = ProtoField.bool("kcp.sent_again", "Sent again")
f.first = ProtoField.framenum("kcp.first_in", "First sent in", base.NONE)
f.pushed = ProtoField.framenum("kcp.acks", "Acknowledges", base.NONE, frametype.ACK)
f.rtt = ProtoField.double("kcp.ack_rtt", "After that, seconds")
f.version = ProtoField.uint8("kcp.control.version", "Version")
f.to = ProtoField.bytes("kcp.control.to", "To")
f.source = ProtoField.bytes("kcp.control.source", "Source")
f.kind = ProtoField.uint8("kcp.control.kind", "Frame", base.DEC, {
    [1] = FRAMES[1], [2] = FRAMES[2], [3] = FRAMES[3], [4] = FRAMES[4], [5] = FRAMES[5],
    [6] = FRAMES[6], [7] = FRAMES[7], [8] = FRAMES[8], [9] = FRAMES[9], [10] = FRAMES[10],
})
f.value = ProtoField.bytes("kcp.control.value", "Value")
f.features = ProtoField.uint16("kcp.control.features", "Features", base.HEX)
f.roaming = ProtoField.bool("kcp.control.roaming", "May move", 16, nil, 0x1)
f.streammode = ProtoField.bool("kcp.control.stream", "Stream mode", 16, nil, 0x2)
f.messages = ProtoField.bool("kcp.control.messages", "Message mode", 16, nil, 0x4)
f.probes = ProtoField.bool("kcp.control.probes", "Answers probes", 16, nil, 0x8)
f.window = ProtoField.uint16("kcp.control.window", "Receive window")
f.final = ProtoField.uint32("kcp.control.final", "Final sequence number")
f.both = ProtoField.bool("kcp.control.both", "Reads no more", 8, nil, 0x1)
f.reason = ProtoField.uint8("kcp.control.reason", "Reason", base.DEC, {
    [1] = REASONS[1], [2] = REASONS[2], [3] = REASONS[3], [4] = REASONS[4], [5] = REASONS[5],
    [6] = REASONS[6],
})
f.number = ProtoField.uint32("kcp.control.number", "Number")
f.padding = ProtoField.bytes("kcp.control.padding", "Padding")
f.encrypted = ProtoField.bytes("kcp.encrypted", "Encrypted, or no KCP")

local e = kcp.experts
e.again = ProtoExpert.new(
    "kcp.sent_again.expert", "This segment was sent before", expert.group.SEQUENCE,
    expert.severity.NOTE
)
e.malformed = ProtoExpert.new(
    "kcp.malformed", "Malformed KCP", expert.group.MALFORMED, expert.severity.WARN
)
e.encrypted = ProtoExpert.new(
    "kcp.encrypted.expert", "Encrypted, or no KCP: no key is used here", expert.group.DECRYPTION,
    expert.severity.CHAT
)
e.reset = ProtoExpert.new(
    "kcp.reset.expert", "The connection is reset", expert.group.SEQUENCE, expert.severity.CHAT
)

-- What is known of conversations.  Frames are dissected in order once, and at will after that.

-- Index by both ends and conv; how many there are.
local streams, count
-- By stream, direction and sn: the frame of the first copy.  By ts as well: that of this copy.
local copies, sent
-- What the first pass found out, by frame and number of the segment in it.
local found

function kcp.init()
    streams, count, copies, sent, found = {}, 0, {}, {}, {}
end

-- CRC-32 (IEEE).

local crcTable = {}
for byte = 0, 255 do
    local value = byte
    for _ = 1, 8 do
        if bit.band(value, 1) == 1 then
            value = bit.bxor(bit.rshift(value, 1), 0xEDB88320)
        else
            value = bit.rshift(value, 1)
        end
    end
    crcTable[byte] = value
end

local function crc32(bytes)
    local value = 0xFFFFFFFF
    for place = 0, bytes:len() - 1 do
        local index = bit.band(bit.bxor(value, bytes:get_index(place)), 0xFF)
        value = bit.bxor(bit.rshift(value, 8), crcTable[index])
    end
    value = bit.bnot(value)
    return value % 0x100000000
end

-- Recognising.

-- Whether segments, and nothing else, fill a range.  What the capture has cut is not looked at.
local function areSegments(buffer, offset, finish)
    local reported = finish - offset
    if reported < HEADER then
        return false
    end
    while offset < finish do
        if finish - offset < HEADER then
            return false
        end
        if buffer:len() - offset < HEADER then
            return offset > 0
        end
        local cmd = buffer(offset + 4, 1):uint()
        if not COMMANDS[cmd] then
            return false
        end
        offset = offset + HEADER + buffer(offset + 20, 4):le_uint()
        if offset > finish then
            return false
        end
    end
    return true
end

local function shardType(buffer, offset)
    if buffer:len() - offset < FEC_HEADER then
        return nil
    end
    local kind = buffer(offset + 4, 2):le_uint()
    return SHARDS[kind] and kind or nil
end

-- Whether a datagram below the cipher is KCP; parity is only if the caller knows more.
local function isKCP(buffer, offset, finish, takesParity)
    local kind = shardType(buffer, offset)
    if not kind then
        return areSegments(buffer, offset, finish)
    end
    if kind == 0xf2 then
        return takesParity
    end
    local size = buffer(offset + 6, 2):le_uint()
    if size < 2 or offset + 6 + size > finish then
        return false
    end
    if kind == 0xf3 then
        return size >= 6 and buffer(offset, 4):le_uint() == 0xFFFFFFFF
    end
    return areSegments(buffer, offset + FEC_HEADER, offset + 6 + size)
end

-- Where the datagram begins below the cipher: 0 with crypt=null, 20 with crypt=none; nil if it is
-- neither.
local function findStart(buffer, takesParity)
    local whole = buffer:reported_len()
    if buffer:len() == whole and whole > CHECKED then
        local said = buffer(16, 4):le_uint()
        -- To compute it for each datagram would be slow.
        if isKCP(buffer, CHECKED, whole, true) and said == crc32(buffer(CHECKED):bytes()) then
            return CHECKED
        end
    end
    if isKCP(buffer, 0, whole, takesParity) then
        return 0
    end
    return nil
end

-- Following.

local function streamOf(pinfo, conv)
    local one = tostring(pinfo.src) .. " " .. pinfo.src_port
    local other = tostring(pinfo.dst) .. " " .. pinfo.dst_port
    local key = one < other and one .. " " .. other or other .. " " .. one
    key = key .. " " .. conv
    if not streams[key] then
        streams[key] = count
        count = count + 1
    end
    -- Which end sends.
    return streams[key], one < other and 1 or 2
end

local function note(pinfo, segment, place)
    local stream, direction = streamOf(pinfo, segment.conv)
    local result = { stream = stream }
    if segment.cmd == 81 then
        local key = stream .. " " .. direction .. " " .. segment.sn
        if copies[key] then
            result.first = copies[key]
        else
            copies[key] = pinfo.number
        end
        local copy = key .. " " .. segment.ts
        if not sent[copy] then
            sent[copy] = { pinfo.number, pinfo.rel_ts }
        end
    elseif segment.cmd == 82 then
        local key = stream .. " " .. (3 - direction) .. " " .. segment.sn .. " " .. segment.ts
        local push = sent[key]
        if push then
            sent[key] = nil
            result.pushed, result.rtt = push[1], pinfo.rel_ts - push[2]
        end
    end
    found[pinfo.number .. " " .. place] = result
    return result
end

-- Showing.

local function showValue(tree, buffer, kind, offset)
    if kind == 1 then
        local features = tree:add_le(f.features, buffer(offset, 2))
        features:add_le(f.roaming, buffer(offset, 2))
        features:add_le(f.streammode, buffer(offset, 2))
        features:add_le(f.messages, buffer(offset, 2))
        features:add_le(f.probes, buffer(offset, 2))
        tree:add_le(f.window, buffer(offset + 2, 2))
    elseif kind == 4 or kind == 5 then
        tree:add_le(f.final, buffer(offset, 4))
        tree:add(f.both, buffer(offset + 4, 1))
    elseif kind == 6 then
        local item = tree:add(f.reason, buffer(offset, 1))
        item:add_proto_expert_info(e.reset)
    elseif kind == 9 or kind == 10 then
        tree:add_le(f.number, buffer(offset, 4))
    else
        tree:add(f.value, buffer(offset, SIZES[kind]))
    end
end

-- Control frames in the data of a WASK or WINS; returns their names, nil if there are none.
local function showBlock(tree, buffer, offset, finish)
    if finish - offset < BLOCK or buffer(offset, 3):bytes():tohex() ~= "4B5401" then
        return nil
    end
    local block = tree:add(buffer(offset, finish - offset), "Control frames")
    block:add(f.version, buffer(offset + 2, 1))
    block:add(f.to, buffer(offset + 3, 8))
    block:add(f.source, buffer(offset + 11, 8))
    offset = offset + BLOCK
    local names = {}
    while offset < finish do
        local kind = buffer(offset, 1):uint()
        if kind == 0 then
            block:add(f.padding, buffer(offset, finish - offset))
            break
        end
        local length = offset + 2 <= finish and buffer(offset + 1, 1):uint() or 0
        if offset + 2 + length > finish or length < (SIZES[kind] or 0) then
            block:add_proto_expert_info(e.malformed)
            break
        end
        local name = FRAMES[kind] or ("frame " .. kind)
        local frame = block:add(buffer(offset, 2 + length), name)
        frame:add(f.kind, buffer(offset, 1))
        if SIZES[kind] then
            showValue(frame, buffer, kind, offset + 2)
        end
        names[#names + 1] = name
        offset = offset + 2 + length
    end
    block:append_text(": " .. table.concat(names, ", "))
    return table.concat(names, ", ")
end

local function showFound(tree, range, result)
    tree:add(f.stream, result.stream):set_generated()
    if result.first then
        local item = tree:add(f.again, range, true):set_generated()
        item:add_proto_expert_info(e.again)
        tree:add(f.first, result.first):set_generated()
    end
    if result.pushed then
        tree:add(f.pushed, result.pushed):set_generated()
        tree:add(f.rtt, result.rtt):set_generated()
    end
end

-- One segment; returns where it ends and what the column says.  The header is there.
local function showSegment(buffer, pinfo, tree, offset, finish, place)
    local segment = {
        conv = buffer(offset, 4):le_uint(),
        cmd = buffer(offset + 4, 1):uint(),
        ts = buffer(offset + 8, 4):le_uint(),
        sn = buffer(offset + 12, 4):le_uint(),
        una = buffer(offset + 16, 4):le_uint(),
        len = buffer(offset + 20, 4):le_uint(),
    }
    local name = COMMANDS[segment.cmd]
    local stop = offset + HEADER + segment.len
    local captured = math.min(stop, buffer:len())
    local range = buffer(offset, captured - offset)
    local item = tree:add(range, string.format("%s, sn %d", name, segment.sn))
    item:add_le(f.conv, buffer(offset, 4))
    item:add(f.cmd, buffer(offset + 4, 1))
    item:add(f.frg, buffer(offset + 5, 1))
    item:add_le(f.wnd, buffer(offset + 6, 2))
    item:add_le(f.ts, buffer(offset + 8, 4))
    item:add_le(f.sn, buffer(offset + 12, 4))
    item:add_le(f.una, buffer(offset + 16, 4))
    item:add_le(f.len, buffer(offset + 20, 4))
    local text = string.format("%s sn=%d una=%d", name, segment.sn, segment.una)
    local start = offset + HEADER
    if segment.len > 0 and captured > start then
        local frames
        if segment.cmd >= 83 and captured == stop then
            frames = showBlock(item, buffer, start, stop)
        end
        if frames then
            text = text .. " [" .. frames .. "]"
        else
            item:add(f.data, buffer(start, captured - start))
            text = text .. " len=" .. segment.len
        end
    end
    local result = pinfo.visited and found[pinfo.number .. " " .. place]
        or note(pinfo, segment, place)
    showFound(item, range, result)
    if result.first then
        text = text .. " (sent again)"
    end
    return stop, text, segment.conv
end

-- Segments up to an end; adds to what the column says.
local function showSegments(buffer, pinfo, tree, offset, finish, info)
    while offset < finish do
        if buffer:len() - offset < HEADER then
            return
        end
        local cmd = buffer(offset + 4, 1):uint()
        local size = buffer(offset + 20, 4):le_uint()
        if not COMMANDS[cmd] or offset + HEADER + size > finish then
            tree:add_proto_expert_info(e.malformed)
            return
        end
        local text, conv
        offset, text, conv = showSegment(buffer, pinfo, tree, offset, finish, #info)
        if #info == 0 then
            text = string.format("conv=%08x ", conv) .. text
        end
        info[#info + 1] = text
    end
end

-- A FEC packet; returns where it ends.
local function showFEC(buffer, pinfo, tree, offset, finish, kind, info)
    local shard = tree:add(buffer(offset, 6), "FEC " .. SHARDS[kind])
    shard:add_le(f.seqid, buffer(offset, 4))
    shard:add_le(f.shard, buffer(offset + 4, 2))
    local seqid = buffer(offset, 4):le_uint()
    if kind == 0xf2 then
        shard:add(f.parity, buffer(offset + 6))
        info[#info + 1] = "FEC parity " .. seqid
        return finish
    end
    shard:add_le(f.size, buffer(offset + 6, 2))
    local stop = offset + 6 + buffer(offset + 6, 2):le_uint()
    if stop > finish or stop < offset + FEC_HEADER then
        shard:add_proto_expert_info(e.malformed)
        return finish
    end
    if kind == 0xf3 then
        if stop - offset < FEC_HEADER + 4 or buffer:len() < offset + FEC_HEADER + 4 then
            shard:add_proto_expert_info(e.malformed)
            return finish
        end
        local start = offset + FEC_HEADER
        local conv = buffer(start, 4):le_uint()
        tree:add_le(f.conv, buffer(start, 4))
        tree:add(f.stream, (streamOf(pinfo, conv))):set_generated()
        local captured = math.min(stop, buffer:len())
        if captured > start + 4 then
            tree:add(f.oob, buffer(start + 4, captured - start - 4))
        end
        info[#info + 1] = string.format("conv=%08x out-of-band len=%d", conv, stop - start - 4)
    else
        showSegments(buffer, pinfo, tree, offset + FEC_HEADER, stop, info)
    end
    return stop
end

local function show(buffer, pinfo, tree, start)
    pinfo.cols.protocol = "KCP"
    local item = tree:add(kcp, buffer())
    if start == nil then
        item:append_text(", encrypted or no KCP; no key is used here")
        item:add(f.encrypted, buffer()):add_proto_expert_info(e.encrypted)
        pinfo.cols.info = "encrypted, or no KCP, len=" .. buffer:reported_len()
        return
    end
    if start > 0 then
        item:append_text(", crypt=none")
        item:add(f.nonce, buffer(0, 16))
        item:add_le(f.crc, buffer(16, 4))
    end
    local info = {}
    local offset, finish = start, buffer:reported_len()
    while offset < finish and offset < buffer:len() do
        local kind = shardType(buffer, offset)
        if kind then
            -- More than one is what segmentation offload has joined.
            offset = showFEC(buffer, pinfo, item, offset, finish, kind, info)
        else
            showSegments(buffer, pinfo, item, offset, finish, info)
            offset = finish
        end
    end
    local text = table.concat(info, "; ", 1, math.min(#info, LONGEST_INFO))
    if #info > LONGEST_INFO then
        text = text .. "; " .. (#info - LONGEST_INFO) .. " more"
    end
    pinfo.cols.info = text
end

function kcp.dissector(buffer, pinfo, tree)
    show(buffer, pinfo, tree, findStart(buffer, true))
    return buffer:len()
end

kcp:register_heuristic("udp", function(buffer, pinfo, tree)
    if not kcp.prefs.heuristics then
        return false
    end
    local start = findStart(buffer, false)
    if start == nil then
        return false
    end
    -- What follows between these ends is KCP, parity as well.
    pinfo.conversation = kcp
    show(buffer, pinfo, tree, start)
    return true
end)

local udp = DissectorTable.get("udp.port")
local ports = ""

function kcp.prefs_changed()
    if ports ~= "" then
        udp:remove(ports, kcp)
    end
    ports = kcp.prefs.ports
    if ports ~= "" then
        udp:add(ports, kcp)
    end
end

udp:add_for_decode_as(kcp)

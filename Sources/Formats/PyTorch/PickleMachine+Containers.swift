import Checkpoints
import Foundations

/// Containers, names and objects, as the operations of a pickle make and fill them.
extension PickleMachine {
    /// What errors call a name that a program outside of the file knows.
    static let persistentName = QualifiedName.known("pickle:persistent_load")

    mutating func container(
        _ kind: PickleHeap.ContainerKind, _ items: [PickleValue]
    ) throws -> PickleValue {
        try spend(PickleHeap.containerByteCount + PickleHeap.itemByteCount * items.count)
        heap.containers.append(PickleHeap.Container(kind: kind, items: items))
        return .container(Int32(heap.containers.count - 1))
    }

    /// The items of a container; `nil` for what is none of this kind.
    func items(_ value: PickleValue, _ kind: PickleHeap.ContainerKind) -> [PickleValue]? {
        guard case .container(let index) = value, heap.containers[Int(index)].kind == kind else { return nil }
        return heap.containers[Int(index)].items
    }

    func tuple(_ value: PickleValue, _ what: String) throws -> [PickleValue] {
        guard let items = items(value, .tuple) else { throw expected(what) }
        return items
    }

    mutating func append(_ items: [PickleValue]) throws {
        let target = try top()
        try spend(PickleHeap.itemByteCount * items.count)
        switch target {
        case .container(let index) where heap.containers[Int(index)].kind == .list:
            heap.containers[Int(index)].items += items
        case .object(let index): heap.objects[Int(index)].items += items
        default: throw expected("list")
        }
    }

    mutating func insert(_ items: [PickleValue]) throws {
        let target = try top()
        try spend(PickleHeap.itemByteCount * items.count)
        switch target {
        case .container(let index):
            switch heap.containers[Int(index)].kind {
            case .dictionary, .orderedDictionary: heap.containers[Int(index)].items += items
            case .list, .tuple: throw expected("dictionary")
            }
        case .object(let index): heap.objects[Int(index)].entries += items
        default: throw expected("dictionary")
        }
    }

    // MARK: Names

    mutating func global(module: Range<Int>, name: Range<Int>) throws -> Int32 {
        guard let module = reader.text(module), let name = reader.text(name) else { throw expected("name") }
        return try global(module: module, name: name)
    }

    private mutating func global(module: String, name: String) throws -> Int32 {
        // Python 2 had other names for these; protocols 0 to 2 keep them.
        let modern = PythonTwo.modules[module] ?? module
        let newName = module == "__builtin__" ? PythonTwo.builtins[name] ?? name : name
        guard let name = QualifiedName(module: modern, name: newName) else { throw expected("name") }
        try spend(PickleHeap.itemByteCount)
        let number = heap.global(name)
        if Int(number) == heap.globals.count - 1 { try spend(PickleHeap.containerByteCount) }
        return number
    }

    mutating func pushStackGlobal() throws {
        func text(_ value: PickleValue) throws -> String {
            switch value {
            case .text(let text), .byteText(let text): return try characters(text)
            case .decodedText(let index): return heap.decodedTexts[Int(index)]
            default: throw expected("name")
            }
        }
        let name = try text(pop())
        let module = try text(pop())
        try push(.global(try global(module: module, name: name)))
    }

    // MARK: Objects

    mutating func object(
        _ name: QualifiedName, _ construction: ObjectConstruction, arguments: [PickleValue]
    ) throws -> PickleValue {
        try object(heap.global(name), construction, arguments: arguments)
    }

    /// An object of the class, or made by the function, with a number.
    mutating func object(
        _ global: Int32, _ construction: ObjectConstruction, arguments: [PickleValue],
        keywords: PickleValue? = nil, value: PickleValue? = nil
    ) throws -> PickleValue {
        try spend(PickleHeap.objectByteCount + PickleHeap.itemByteCount * arguments.count)
        heap.objects.append(
            PickleHeap.Object(
                global: global, construction: construction, arguments: arguments, keywords: keywords,
                value: value))
        return .object(Int32(heap.objects.count - 1))
    }

    /// `NEWOBJ`: an object of a class that is not initialised.
    mutating func new(
        _ type: PickleValue, _ arguments: [PickleValue], keywords: PickleValue?
    ) throws -> PickleValue {
        var keywords = keywords
        if let given = keywords {
            guard let items = items(given, .dictionary) else { throw expected("dictionary of arguments") }
            if items.isEmpty { keywords = nil }
        }
        guard case .global(let number) = type else {
            guard case .object = type else { throw expected("class") }
            return try object(PickleMachine.applyName, .apply, arguments: [type] + arguments)
        }
        heap.globals[Int(number)].isCalled = true
        // Classes that a call makes as well.
        if keywords == nil, let known = heap.globals[Int(number)].known,
            let value = try call(known, number, arguments)
        {
            return value
        }
        return try object(number, .new, arguments: arguments, keywords: keywords)
    }

    /// What an object is called that calls another one.
    static let applyName = QualifiedName.known("operator:call")

    /// `REDUCE`: a call of a function or class.
    mutating func call(_ function: PickleValue, _ arguments: [PickleValue]) throws -> PickleValue {
        guard case .global(let number) = function else {
            if case .object = function {
                // What is called is made by another call: nobody can say what it is.
                let apply = heap.global(PickleMachine.applyName)
                heap.globals[Int(apply)].isCalled = true
                heap.globals[Int(apply)].isSuspicious = true
                return try object(PickleMachine.applyName, .apply, arguments: [function] + arguments)
            }
            throw expected("function")
        }
        heap.globals[Int(number)].isCalled = true
        if let known = heap.globals[Int(number)].known, let value = try call(known, number, arguments) {
            return value
        }
        if let view = try numPyView(number, arguments) { return view }
        // A file within the file, of which nobody knows what it runs.
        if heap.globals[Int(number)].known == .nestedStorage { heap.globals[Int(number)].isSuspicious = true }
        if heap.globals[Int(number)].name == .builtin("getattr"), !isPlainLookup(arguments) {
            heap.globals[Int(number)].isSuspicious = true
        }
        return try object(number, .call, arguments: arguments)
    }

    /// `numpy.asarray(tensor)` and `numpy.float64(tensor)`: how this package writes NumPy's values.
    private mutating func numPyView(_ number: Int32, _ arguments: [PickleValue]) throws -> PickleValue? {
        let name = heap.globals[Int(number)].name
        guard name.module == "numpy", arguments.count == 1, case .tensor = arguments[0] else { return nil }
        let type = name.name == "asarray" ? heap.global(.known("numpy:ndarray")) : number
        return try object(type, .view, arguments: [], value: arguments[0])
    }

    /// Whether `getattr` is asked for a part of a class by name, as for members of enumerations and for classes within
    /// classes.
    private func isPlainLookup(_ arguments: [PickleValue]) -> Bool {
        guard arguments.count == 2, case .text(let text) = arguments[1],
            let name = try? characters(text), !name.hasPrefix("_")
        else { return false }
        switch arguments[0] {
        case .global: return true
        case .object(let index):
            return heap.globals[Int(heap.objects[Int(index)].global)].name == .builtin("getattr")
        default: return false
        }
    }

    /// `BUILD`: gives an object its state.
    mutating func build() throws {
        let state = try pop()
        switch try top() {
        case .object(let index):
            guard heap.objects[Int(index)].state == nil else { throw expected("object without a state") }
            heap.objects[Int(index)].state = state
        case .container(let index)
        where [.dictionary, .orderedDictionary].contains(heap.containers[Int(index)].kind):
            heap.containers[Int(index)].attributes = state
        default: throw expected("object to give a state to")
        }
    }
}

/// Names that Python 3 has changed; source: Python's `_compat_pickle.py`.
private enum PythonTwo {
    static let modules = ["__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins"]

    static let builtins = [
        "xrange": "range", "unichr": "chr", "basestring": "str", "long": "int", "unicode": "str",
    ]
}

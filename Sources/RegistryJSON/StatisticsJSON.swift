package import ModelReg

/// How two tensors differ, as JSON shows it.
package struct StatisticsJSON: Encodable {
    let comparedShape: [Int]
    let isWhole: Bool
    let elements: Int
    let finite: Int
    let changed: Int
    let changedShare: Double
    let l2: Double?
    let relL2: Double?
    let oldNorm: Double?
    let newNorm: Double?
    let maxAbs: Double?
    let maxAt: [Int]?
    let mean: Double?
    let meanAbs: Double?
    let cosine: Double?
    let oldNan: Int
    let nan: Int
    let nanAppeared: Int
    let nanGone: Int
    let oldInf: Int
    let inf: Int
    let infAppeared: Int
    let infGone: Int
    let ulpHistogram: [Int]

    package init(_ comparison: TensorComparison) {
        let difference = comparison.difference
        comparedShape = comparison.shape
        isWhole = comparison.isWhole
        elements = difference.elementCount
        self.finite = difference.finiteCount
        changed = difference.changedCount
        changedShare = difference.changedShare
        l2 = RegistryJSON.finite(difference.l2Norm)
        relL2 = RegistryJSON.finite(difference.relativeL2)
        oldNorm = RegistryJSON.finite(difference.oldL2Norm)
        newNorm = RegistryJSON.finite(difference.newL2Norm)
        maxAbs = RegistryJSON.finite(difference.maximumAbsolute)
        maxAt = comparison.maximumIndex
        mean = RegistryJSON.finite(difference.mean)
        meanAbs = RegistryJSON.finite(difference.meanAbsolute)
        cosine = RegistryJSON.finite(difference.cosineSimilarity)
        oldNan = difference.oldNaNCount
        nan = difference.newNaNCount
        nanAppeared = difference.appearedNaNCount
        nanGone = difference.goneNaNCount
        oldInf = difference.oldInfinityCount
        inf = difference.newInfinityCount
        infAppeared = difference.appearedInfinityCount
        infGone = difference.goneInfinityCount
        ulpHistogram = difference.ulpHistogram
    }
}

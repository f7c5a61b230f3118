"""What tables of other programs call the columns of ours."""

# Such a column is not used unasked, and that is said.
ALSO_CALLED = {
    **dict.fromkeys(
        ("mrn", "id", "pid", "patientno", "hospitalno", "환자번호", "등록번호", "병록번호"), "PatientID"
    ),
    **dict.fromkeys(("name", "patient", "이름", "성명", "환자명"), "PatientName"),
    **dict.fromkeys(("dob", "birthdate", "dateofbirth", "birthday", "생년월일", "생일"), "PatientBirthDate"),
    **dict.fromkeys(("sex", "gender", "성별"), "PatientSex"),
    **dict.fromkeys(
        ("date", "examdate", "acquisitiondate", "촬영일", "검사일", "촬영일자", "검사일자"), "StudyDate"
    ),
    **dict.fromkeys(("view", "projection", "position", "자세", "촬영자세"), "ViewPosition"),
    **dict.fromkeys(("ageinmonths", "age(months)", "months", "월령", "개월"), "AgeMonths"),
    **dict.fromkeys(("나이", "연령", "ageyears", "age(years)"), "Age"),
    **dict.fromkeys(
        ("spacing", "pixelsize", "spacingmm", "pixelspacingmm", "pixelspacing(mm)"), "PixelSpacing"
    ),
    **dict.fromkeys(("polygon", "polygons", "points", "segmentation", "outline", "좌표"), "Point"),
}
